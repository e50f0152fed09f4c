// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
import { UnreadableStream } from './unreadable-stream.ts'

export interface ServerSentEvent {
  /** Absent where the stream does not name it. */
  readonly event?: string
  readonly data: string
}

/** An event that does not end within so many bytes never will. */
const largestEvent = 16 * 1024 * 1024
const lf = 0x0a
const cr = 0x0d

/**
 * Cuts a stream into its events as bytes, framing included, so that they can be passed on as they came; nothing is
 * lost, so the pieces together are the stream.
 *
 * @example for (const bytes of splitter.push(chunk)) handle(readEvent(bytes))
 */
export class EventSplitter {
  /** Of an event that is not complete. */
  #pieces: Uint8Array[] = []
  #held = 0
  /** Nothing has come of the current line yet. */
  #lineIsEmpty = true
  /** A line feed that comes now belongs to the carriage return before it. */
  #afterReturn = false

  /** The events that are complete with these bytes. Throws `UnreadableStream` where one is larger than 16 MB. */
  push(bytes: Uint8Array): Uint8Array[] {
    const events: Uint8Array[] = []
    let start = 0
    let at = 0
    if (this.#afterReturn && bytes[0] === lf) at = 1
    if (bytes.length > 0) this.#afterReturn = false
    let nextFeed = bytes.indexOf(lf, at)
    let nextReturn = bytes.indexOf(cr, at)
    while (nextFeed !== -1 || nextReturn !== -1) {
      const byReturn = nextFeed === -1 || (nextReturn !== -1 && nextReturn < nextFeed)
      const end = byReturn ? nextReturn : nextFeed
      const isEmpty = this.#lineIsEmpty && end === at
      at = end + 1
      if (byReturn) {
        if (bytes[at] === lf) at++
        else this.#afterReturn = at === bytes.length
      }
      this.#lineIsEmpty = true
      if (isEmpty) {
        events.push(this.#complete(bytes.subarray(start, at)))
        start = at
      }
      if (nextFeed !== -1 && nextFeed < at) nextFeed = bytes.indexOf(lf, at)
      if (nextReturn !== -1 && nextReturn < at) nextReturn = bytes.indexOf(cr, at)
    }
    if (at < bytes.length) this.#lineIsEmpty = false
    this.#hold(bytes.subarray(start))
    return events
  }

  /** What came after the last complete event; empty where the stream ended as it should. */
  rest(): Uint8Array {
    return this.#complete(new Uint8Array())
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#held += bytes.length
    if (this.#held > largestEvent) throw new UnreadableStream('an event larger than 16 MB')
    this.#pieces.push(bytes)
  }

  #complete(last: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return last
    const event = Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#held = 0
    return event
  }
}

/** What an event says; absent where it is only a comment. Fields other than `event` and `data` are left out. */
export function readEvent(bytes: Uint8Array): ServerSentEvent | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  let data: string | undefined
  let event: string | undefined
  for (const line of linesOf(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)) {
    const value = fieldOf(line, 'data')
    if (value !== undefined) data = data === undefined ? value : `${data}\n${value}`
    else event = fieldOf(line, 'event') ?? event
  }
  if (data === undefined) return undefined
  return { ...(event !== undefined && { event }), data }
}

/** Nearly every stream has no carriage return, and splitting by a plain string is several times as fast. */
function linesOf(text: string): string[] {
  return text.includes('\r') ? text.split(/\r\n|\n|\r/) : text.split('\n')
}

function fieldOf(line: string, name: string): string | undefined {
  if (!line.startsWith(name)) return undefined
  if (line.length === name.length) return ''
  if (line[name.length] !== ':') return undefined
  return line.slice(line[name.length + 1] === ' ' ? name.length + 2 : name.length + 1)
}

/** The data of each event of a stream. */
export async function* eventData(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const splitter = new EventSplitter()
  for await (const bytes of stream) {
    for (const event of splitter.push(bytes)) {
      const read = readEvent(event)
      if (read) yield read.data
    }
  }
}
