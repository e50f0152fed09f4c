import type { Reading } from './reading.ts'
import type { ReportedUsage, Wire } from './wires/wire.ts'

/** Of a body; more than any answer of text is. */
const mostBytes = 64 * 1024 * 1024

/** Reads an answer that comes whole: nobody outside knows when its first token was written. */
export class WholeAnswerReader implements Reading {
  readonly firstAt = undefined
  readonly lastAt = undefined
  /** The whole answer is one. */
  pieces = 0
  textBytes = 0
  usage: ReportedUsage = {}
  error: string | undefined
  text = ''
  readonly #wire: Wire
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(wire: Wire) {
    this.#wire = wire
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    if (this.#bytes > mostBytes) this.error ??= 'too large'
    else this.#chunks.push(bytes)
  }

  finish(): void {
    if (this.error !== undefined) return
    let answer: unknown
    try {
      answer = JSON.parse(Buffer.concat(this.#chunks).toString())
    } catch {
      answer = undefined
    }
    if (typeof answer !== 'object' || answer === null) {
      this.error = 'not an answer'
      return
    }
    const { text, usage, error, isEnd } = this.#wire.readWhole(answer as Record<string, unknown>)
    if (error !== undefined) this.error = `error in the answer: ${error}`
    else if (isEnd !== true) this.error = 'not an answer'
    else if (text === undefined || text === '') this.error = 'no tokens'
    this.usage = usage ?? {}
    this.text = text ?? ''
    this.textBytes = Buffer.byteLength(this.text)
    this.pieces = this.text === '' ? 0 : 1
  }
}
