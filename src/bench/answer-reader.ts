import { EventSplitter, readEvent } from '../transport/server-sent-events.ts'
import type { Reading } from './reading.ts'
import type { ReportedUsage, Wire } from './wires/wire.ts'

/** Of a text that is kept to be compared. */
const mostText = 64 * 1024

/** Reads a streamed answer as it comes and keeps when what of it came. */
export class AnswerReader implements Reading {
  firstAt: number | undefined
  lastAt: number | undefined
  /** Events with something that the model wrote. */
  pieces = 0
  /** Bytes of that, for an estimate where the server does not count. */
  textBytes = 0
  usage: ReportedUsage = {}
  /** The class of what was wrong with it. */
  error: string | undefined
  isComplete = false
  text = ''
  readonly #wire: Wire
  readonly #keepsText: boolean
  /** Told of the time between each two pieces. */
  readonly #onGap: ((milliseconds: number) => void) | undefined
  readonly #splitter = new EventSplitter()

  constructor(wire: Wire, options: { keepsText?: boolean; onGap?: (milliseconds: number) => void } = {}) {
    this.#wire = wire
    this.#keepsText = options.keepsText ?? false
    this.#onGap = options.onGap
  }

  /** `at` is when the bytes came, in milliseconds. */
  push(bytes: Uint8Array, at: number): void {
    let events: readonly Uint8Array[]
    try {
      events = this.#splitter.push(bytes)
    } catch {
      this.error ??= 'unreadable stream'
      return
    }
    for (const event of events) this.#take(event, at)
  }

  /** Says what is missing. Called when no more bytes come. */
  finish(): void {
    if (this.error !== undefined) return
    if (!this.isComplete) this.error = this.pieces > 0 ? 'cut off' : 'not a stream of answers'
    // An answer without a single token has no time to its first.
    else if (this.firstAt === undefined) this.error = 'no tokens'
  }

  #take(bytes: Uint8Array, at: number): void {
    const data = readEvent(bytes)?.data
    if (data === undefined) return
    if (data === '[DONE]') {
      this.isComplete = true
      return
    }
    let event: unknown
    try {
      event = JSON.parse(data)
    } catch {
      event = undefined
    }
    if (typeof event !== 'object' || event === null) {
      this.error ??= 'unreadable stream'
      return
    }
    const { text, usage, error, isEnd } = this.#wire.read(event as Record<string, unknown>)
    if (text !== undefined && text !== '') this.#write(text, at)
    if (usage) this.#count(usage)
    if (error !== undefined) this.error ??= `error in the stream: ${error}`
    if (isEnd) this.isComplete = true
  }

  #write(text: string, at: number): void {
    if (this.lastAt === undefined) this.firstAt = at
    else this.#onGap?.(at - this.lastAt)
    this.lastAt = at
    this.pieces++
    this.textBytes += Buffer.byteLength(text)
    if (this.#keepsText && this.text.length < mostText) this.text += text
  }

  /** Anthropic tells the prompt's tokens at the beginning and the answer's at the end. */
  #count({ promptTokens, cachedTokens, outputTokens }: ReportedUsage): void {
    this.usage = {
      promptTokens: promptTokens ?? this.usage.promptTokens,
      cachedTokens: cachedTokens ?? this.usage.cachedTokens,
      outputTokens: outputTokens ?? this.usage.outputTokens,
    }
  }
}
