// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and
// https://smithy.io/2.0/aws/amazon-eventstream.html: a length, a length of headers, a checksum of these two, headers,
// a payload, and a checksum of all before it.
import { crc32 } from 'node:zlib'
import { UnreadableStream } from './unreadable-stream.ts'

export interface EventStreamFrame {
  /** Those that are text, such as `:event-type`, `:message-type` and `:exception-type`. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
  /** All of it, as it came. */
  readonly bytes: Uint8Array
}

/** The format allows payloads of 24 MB at most, and 128 KB of headers. */
const largestFrame = 24 * 1024 * 1024 + 128 * 1024 + 16
const prelude = 12
const smallestFrame = prelude + 4

/** Cuts a stream into frames and checks their checksums. */
export class FrameSplitter {
  #pieces: Uint8Array[] = []
  #held = 0
  /** Bytes that are needed before there is anything to look at. */
  #needed = prelude

  /** The frames that are complete with these bytes. Throws `UnreadableStream` where they are none. */
  push(bytes: Uint8Array): EventStreamFrame[] {
    this.#pieces.push(bytes)
    this.#held += bytes.length
    if (this.#held < this.#needed) return []
    const all = this.#pieces.length === 1 ? asBuffer(bytes) : Buffer.concat(this.#pieces)
    const frames: EventStreamFrame[] = []
    let at = 0
    this.#needed = prelude
    while (all.length - at >= prelude) {
      const size = frameSize(all, at)
      if (all.length - at < size) {
        this.#needed = size
        break
      }
      frames.push(frameOf(all.subarray(at, at + size)))
      at += size
    }
    const rest = all.subarray(at)
    this.#pieces = rest.length > 0 ? [rest] : []
    this.#held = rest.length
    return frames
  }

  /** Whether the stream may end here. */
  get betweenFrames(): boolean {
    return this.#held === 0
  }
}

function frameSize(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32BE(at)
  if (size < smallestFrame || size > largestFrame) throw new UnreadableStream(`a frame of ${size} bytes`)
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8))
    throw new UnreadableStream('a frame whose length does not match its checksum')
  return size
}

function frameOf(bytes: Buffer): EventStreamFrame {
  const end = bytes.length - 4
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end))
    throw new UnreadableStream('a frame that does not match its checksum')
  const headersEnd = prelude + bytes.readUInt32BE(4)
  if (headersEnd > end) throw new UnreadableStream('a frame whose headers are longer than itself')
  return { headers: headersOf(bytes.subarray(prelude, headersEnd)), payload: bytes.subarray(headersEnd, end), bytes }
}

/** Bytes of a value by its type, where that is fixed: true, false, byte, short, integer, long, –, –, timestamp, UUID. */
const fixedSizes: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16]
const textType = 7

function headersOf(bytes: Buffer): Record<string, string> {
  const headers: Record<string, string> = {}
  let at = 0
  const take = (size: number): Buffer => {
    if (at + size > bytes.length) throw new UnreadableStream('a frame with a header that is cut')
    at += size
    return bytes.subarray(at - size, at)
  }
  while (at < bytes.length) {
    const name = take(take(1).readUInt8()).toString()
    const type = take(1).readUInt8()
    if (type >= fixedSizes.length) throw new UnreadableStream(`a frame with a header of type ${type}`)
    const value = take(fixedSizes[type] ?? take(2).readUInt16BE())
    if (type === textType && name.startsWith(':')) headers[name] = value.toString()
  }
  return headers
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
