import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { release } from './binding/library-folder.ts'
import type { ParkedPrefixes } from './parked-prefixes.ts'
import type { LoadOptions } from './protocol.ts'

// The file: this line, then for each prefix the number of tokens and of state bytes (two uint32), the tokens (int32)
// and the state, most recently used first. All little-endian, as is every machine that llama.cpp has packages for.
const magic = 'inferloom prefixes 1'

/** What the states were computed by; another file, release or attention kernel would read them as garbage. */
function headerOf({ file, flashAttention, lora }: LoadOptions): string {
  const { size, mtimeMs } = statSync(file)
  return JSON.stringify([magic, release, size, Math.floor(mtimeMs), flashAttention, lora]) + '\n'
}

/** Writes the parked prefixes, as many as they are allowed to be in memory, beside the file and then in its place. */
export function savePrefixes(path: string, options: LoadOptions, parked: ParkedPrefixes): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeSync(file, headerOf(options))
    for (const { tokens, state } of parked.entries()) {
      writeWhole(file, new Uint8Array(Uint32Array.of(tokens.length, state.length).buffer))
      writeWhole(file, new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength))
      writeWhole(file, state)
    }
  } catch (error) {
    closeSync(file)
    rmSync(temporary, { force: true })
    throw error
  }
  closeSync(file)
  renameSync(temporary, path)
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}

/** Reads what was saved for the same model; what is damaged, or of another, is left alone. Returns how many. */
export function loadPrefixes(path: string, options: LoadOptions, parked: ParkedPrefixes): number {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return 0
  }
  try {
    const reader = new Reader(file)
    const header = Buffer.from(headerOf(options))
    if (!reader.take(header.length)?.equals(header)) return 0
    const read: { tokens: Int32Array; state: Uint8Array }[] = []
    for (let head = reader.take(8); head; head = reader.take(8)) {
      const tokens = reader.take(head.readUInt32LE(0) * 4)
      const state = reader.take(head.readUInt32LE(4))
      if (!tokens || !state) break
      read.push({ tokens: new Int32Array(tokens.buffer, tokens.byteOffset, tokens.length / 4), state })
    }
    // The last one added is the one used most recently.
    for (const { tokens, state } of read.toReversed()) parked.add(tokens, state)
    return read.length
  } finally {
    closeSync(file)
  }
}

class Reader {
  readonly #file: number
  #left: number

  constructor(file: number) {
    this.#file = file
    this.#left = fstatSync(file).size
  }

  /** The next bytes; undefined when there are not so many, so that no length in the file makes us allocate more. */
  take(length: number): Buffer | undefined {
    if (length > this.#left || length === 0) return undefined
    const bytes = Buffer.from(new ArrayBuffer(length))
    for (let at = 0; at < length;) {
      const read = readSync(this.#file, bytes, at, length - at, null)
      if (read === 0) return undefined
      at += read
    }
    this.#left -= length
    return bytes
  }
}
