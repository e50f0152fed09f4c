import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises'

/** What a part is a part of; one of another version of the file is not gone on with. */
export interface PartSource {
  readonly url: string
  readonly size: number | undefined
  readonly sha256: string | undefined
}

const chunkBytes = 1024 * 1024

/** A file that is being downloaded, `x.gguf.part`, with its checksum so far; `x.gguf.part.json` says of what. */
export class PartFile {
  readonly path: string
  received = 0
  etag: string | undefined
  readonly #handle: FileHandle
  readonly #source: PartSource
  #hash: Hash = createHash('sha256')

  private constructor(path: string, handle: FileHandle, source: PartSource) {
    this.path = path
    this.#handle = handle
    this.#source = source
  }

  /** Goes on with what an earlier download left, where that was the same file. */
  static async open(path: string, source: PartSource, signal: AbortSignal): Promise<PartFile> {
    // Flags r+ and w+ differ in what they do to the bytes that are there; 'a+' keeps them and creates.
    const part = new PartFile(path, await open(path, 'a+'), source)
    try {
      const earlier = await recordOf(path)
      const { size } = await part.#handle.stat()
      const sameFile = earlier?.url === source.url && earlier.size === source.size && earlier.sha256 === source.sha256
      // Without a checksum, only the server's ETag can tell whether the rest belongs to the beginning.
      const isVerifiable = source.sha256 !== undefined || earlier?.etag !== undefined
      if (size === 0 || !sameFile || !isVerifiable || size > (source.size ?? Infinity)) await part.restart()
      else await part.#rehash(size, earlier?.etag, signal)
    } catch (error) {
      await part.close()
      throw error
    }
    return part
  }

  async append(chunk: Uint8Array): Promise<void> {
    // A full disk may take the beginning of a chunk: what counts is what was written.
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, written)
      this.#hash.update(chunk.subarray(written, written + bytesWritten))
      this.received += bytesWritten
      written += bytesWritten
    }
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0)
    this.received = 0
    this.#hash = createHash('sha256')
    await this.record(undefined)
  }

  /** Keeps the server's name for this version of the file. */
  async record(etag: string | undefined): Promise<void> {
    this.etag = etag
    await writeFile(`${this.path}.json`, JSON.stringify({ ...this.#source, etag }))
  }

  sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #rehash(size: number, etag: string | undefined, signal: AbortSignal): Promise<void> {
    const buffer = Buffer.alloc(chunkBytes)
    while (this.received < size) {
      signal.throwIfAborted()
      const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.received)
      if (bytesRead === 0) break
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.received += bytesRead
    }
    this.etag = etag
  }
}

async function recordOf(path: string): Promise<(PartSource & { etag?: string }) | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(`${path}.json`, 'utf8'))
    return typeof value === 'object' && value !== null ? (value as PartSource & { etag?: string }) : undefined
  } catch {
    return undefined
  }
}

export async function deletePart(path: string): Promise<void> {
  await rm(path, { force: true })
  await rm(`${path}.json`, { force: true })
}
