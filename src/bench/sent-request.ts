import type { Dispatcher } from 'undici'
import type { Dated, Deadlines } from '../transport/deadlines.ts'
import { AnswerReader } from './answer-reader.ts'
import { connectionErrorClass, statusErrorClass, statusErrorMessage } from './error-class.ts'
import type { Outcome } from './outcome.ts'
import type { Reading } from './reading.ts'
import { estimatedPromptTokens, estimatedTokens, isRight, type BenchRequest } from './request.ts'
import { WholeAnswerReader } from './whole-answer-reader.ts'
import type { Wire } from './wires/wire.ts'

/** Of an answer that is an error. */
const mostErrorBytes = 16 * 1024

export interface SentOptions {
  readonly wire: Wire
  readonly request: BenchRequest
  readonly stream: boolean
  readonly dueAt: number
  readonly timeoutMs: number
  readonly deadlines: Deadlines
  readonly onGap?: (milliseconds: number) => void
  /** Called once. `message` is what the server said of an error. */
  readonly onDone: (outcome: Outcome, message: string) => void
}

/** One request under way, on undici's bare callbacks: the generator has to cost less than what it measures. */
export class SentRequest implements Dispatcher.DispatchHandler, Dated {
  readonly sentAt: number
  readonly dueAt: number
  readonly #options: SentOptions
  readonly #reader: Reading
  readonly #place: ReturnType<Deadlines['add']>
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  /** What came in this turn of the event loop, and when; read at its end. */
  #held: { readonly bytes: Uint8Array; readonly at: number }[] = []
  readonly #readHeld = () => this.#read()
  #errorBody: Buffer[] = []
  #errorBytes = 0
  #over = false

  constructor(options: SentOptions) {
    const { wire, request, stream, onGap, deadlines, timeoutMs } = options
    this.#options = options
    this.#reader = stream
      ? new AnswerReader(wire, { keepsText: request.expected !== undefined, ...(onGap && { onGap }) })
      : new WholeAnswerReader(wire)
    this.sentAt = performance.now()
    this.dueAt = this.sentAt + timeoutMs
    this.#place = deadlines.add(this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(new Error('no longer wanted'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    if (this.#status === 200) {
      // Not at once: pieces of other answers that are there already would be given the time when this one was read.
      if (this.#held.length === 0) setImmediate(this.#readHeld)
      this.#held.push({ bytes: chunk, at: performance.now() })
      return
    }
    this.#errorBody.push(chunk)
    this.#errorBytes += chunk.length
    if (this.#errorBytes > mostErrorBytes) this.#endWithStatus()
  }

  onResponseEnd(): void {
    if (this.#over) return
    if (this.#status !== 200) return this.#endWithStatus()
    const endAt = performance.now()
    this.#read()
    if (this.#over) return
    this.#reader.finish()
    this.#end(this.#reader.error, '', endAt)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#read()
    if (!this.#over) this.#end(connectionErrorClass(error))
  }

  overdue(): void {
    this.stop('timeout')
  }

  /** Gives it up; `error` is the class it counts as. */
  stop(error: string): void {
    this.#read()
    if (this.#over) return
    this.#end(error)
    this.#controller?.abort(new Error('no longer wanted'))
  }

  #read(): void {
    const held = this.#held
    if (this.#over || held.length === 0) return
    this.#held = []
    for (const { bytes, at } of held) this.#reader.push(bytes, at)
    // What is no answer may go on for ever; nothing more is to be learnt from it.
    if (this.#reader.error !== undefined) this.stop(this.#reader.error)
  }

  #endWithStatus(): void {
    const body = Buffer.concat(this.#errorBody)
    this.#end(statusErrorClass(this.#status, body), statusErrorMessage(body))
    this.#controller?.abort(new Error('no longer wanted'))
  }

  #end(error: string | undefined, message = '', endAt = performance.now()): void {
    this.#over = true
    const { deadlines, onDone, request, dueAt } = this.#options
    deadlines.remove(this.#place)
    const { firstAt, lastAt, pieces, usage, textBytes, text } = this.#reader
    const { promptTokens, outputTokens, cachedTokens = 0 } = usage
    const outcome: Outcome = {
      dueAt,
      sentAt: this.sentAt,
      endAt,
      pieces,
      promptTokens: promptTokens ?? estimatedPromptTokens(request),
      cachedTokens,
      // A piece has a token at least.
      outputTokens: outputTokens ?? Math.max(pieces, estimatedTokens(textBytes)),
      estimated: outputTokens !== undefined ? 'none' : promptTokens !== undefined ? 'output' : 'both',
      ...(firstAt !== undefined && { firstAt }),
      ...(lastAt !== undefined && { lastAt }),
      ...(error !== undefined && { error }),
      ...(request.expected && { text, isRight: error === undefined && isRight(text, request.expected) }),
    }
    onDone(outcome, message)
  }
}
