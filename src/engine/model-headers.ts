import { statSync } from 'node:fs'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import { readSplitGguf, type Gguf } from './gguf.ts'

interface Seen {
  readonly checkedAt: number
  readonly stamp: string
  readonly header: Gguf | InferloomError
  /** Seconds since 1970. */
  readonly modified: number
}

/** For so long a file is taken to be what it was, so that a list of a thousand models costs nothing. */
const freshMs = 1000
const mostKept = 4096

/** What model files say about themselves, read once for as long as they stay the same. */
export class ModelHeaders {
  readonly #seen = new Map<string, Seen>()

  /** Throws `model_file_missing`, `model_file_invalid` or `model_unsupported`. */
  of(files: readonly [string, ...string[]]): Gguf {
    const { header } = this.#look(files)
    if (header instanceof InferloomError) throw header
    return header
  }

  /** The header, or nothing where there is none to be read; and when the file was written, in seconds since 1970. */
  glance(files: readonly [string, ...string[]]): { gguf: Gguf | undefined; modified: number } {
    const { header, modified } = this.#look(files)
    return { gguf: header instanceof InferloomError ? undefined : header, modified }
  }

  #look(files: readonly [string, ...string[]]): Seen {
    const [first] = files
    const now = performance.now()
    const known = this.#seen.get(first)
    if (known && now - known.checkedAt < freshMs) return known
    const status = statSync(first, { throwIfNoEntry: false })
    const stamp = `${status?.mtimeMs}:${status?.size}:${files.length}`
    const header = known?.stamp === stamp ? known.header : read(files)
    const seen = { checkedAt: now, stamp, header, modified: Math.floor((status?.mtimeMs ?? 0) / 1000) }
    if (this.#seen.size >= mostKept) this.#seen.clear()
    this.#seen.set(first, seen)
    return seen
  }
}

function read(files: readonly string[]): Gguf | InferloomError {
  try {
    // Most of a header is its list of tensors, and nobody here asks for that.
    return { ...readSplitGguf(files), tensors: [] }
  } catch (error) {
    return asInferloomError(error)
  }
}
