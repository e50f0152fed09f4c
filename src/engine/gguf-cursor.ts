import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { InferloomError } from '../canonical/errors.ts'

const chunkBytes = 256 * 1024
/** Vocabularies of a quarter of a million words take 15 MB. */
const longestHeader = 128 * 1024 * 1024

/**
 * Reads a file from its start in chunks of one size, whatever the file says about itself.
 * Throws `model_file_invalid` where it ends too early.
 */
export class GgufCursor {
  readonly file: string
  readonly size: number
  readonly #descriptor: number
  readonly #buffer = Buffer.alloc(chunkBytes)
  #filled = 0
  #at = 0
  /** Where in the file the buffer begins. */
  #base = 0

  constructor(file: string) {
    this.file = file
    try {
      this.#descriptor = openSync(file, 'r')
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new InferloomError('model_file_missing', `The model file ${file} cannot be read: ${reason}.`, { cause })
    }
    const status = fstatSync(this.#descriptor)
    this.size = status.size
    if (status.isFile()) return
    this.close()
    throw this.invalid('it is not a file')
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  get position(): number {
    return this.#base + this.#at
  }

  get left(): number {
    return this.size - this.position
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1))
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4))
  }

  /** A 64-bit length or count: no file can have more than 2^53 of anything. */
  u64(what: string): number {
    const at = this.#take(8)
    const value = this.#buffer.readUInt32LE(at) + this.#buffer.readUInt32LE(at + 4) * 2 ** 32
    if (value > Number.MAX_SAFE_INTEGER) throw this.invalid(`${what} is ${value}`)
    return value
  }

  /** Up to eight bytes for the caller to decode before it reads on. */
  bytes(count: number): Buffer {
    const at = this.#take(count)
    return this.#buffer.subarray(at, at + count)
  }

  /** A string with its length before it; what is longer than `longest` is passed over. */
  string(what: string, longest: number): string | undefined {
    const length = this.u64(`the length of ${what}`)
    if (length > this.left) throw this.invalid(`${what} should be ${length} bytes long, ${this.left} are left`)
    if (length > longest) {
      this.skip(length, what)
      return undefined
    }
    const at = this.#take(length)
    return this.#buffer.toString('utf8', at, at + length)
  }

  skip(count: number, what: string): void {
    if (count > this.left) throw this.invalid(`${what} should be ${count} bytes long, ${this.left} are left`)
    if (this.position + count > longestHeader) throw this.invalid(`its header is longer than ${longestHeader} bytes`)
    if (this.#at + count <= this.#filled) {
      this.#at += count
      return
    }
    this.#base = this.position + count
    this.#at = 0
    this.#filled = 0
  }

  invalid(reason: string): InferloomError {
    return new InferloomError(
      'model_file_invalid',
      `${this.file} is not a whole GGUF file: ${reason}. Remedy: fetch it again, or see where it came from.`,
    )
  }

  #take(count: number): number {
    if (this.#at + count > this.#filled) this.#fill(count)
    const at = this.#at
    this.#at += count
    return at
  }

  #fill(wanted: number): void {
    if (wanted > this.left) {
      throw this.invalid(`it ends in the middle of its header, at byte ${this.size.toLocaleString('en')}`)
    }
    if (this.position + wanted > longestHeader) throw this.invalid(`its header is longer than ${longestHeader} bytes`)
    this.#base = this.position
    this.#at = 0
    this.#filled = 0
    while (this.#filled < wanted) {
      const { file, size } = this
      const position = this.#base + this.#filled
      const read = readSync(this.#descriptor, this.#buffer, this.#filled, chunkBytes - this.#filled, position)
      if (read === 0) throw this.invalid(`${file} became shorter than ${size} bytes while it was read`)
      this.#filled += read
    }
  }
}
