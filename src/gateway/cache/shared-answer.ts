import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { ToldCost } from '../../canonical/usage.ts'
import type { RelayReply } from '../../providers/provider.ts'
import type { AnswerReader } from '../question.ts'
import type { AnswerSummary } from './answer-cache.ts'
import { bytesPiece, given, keptHead, sizeOf, type KeptAnswer, type Piece } from './kept-answer.ts'

/** What may be ahead of the slowest reader; whoever makes the answer waits for it then. */
const mostAheadBytes = 262_144

interface Follower {
  /** The number of the piece that it reads next. */
  next: number
}

/** An answer that is being made, for as many as ask for it: who comes late is given what came before, and then the rest. */
export class SharedAnswer implements AnswerReader {
  /** Aborted when nobody reads any more. */
  readonly controller = new AbortController()
  readonly #mostBytes: number
  readonly #followers = new Set<Follower>()
  #head: Pick<RelayReply, 'status' | 'headers'> | undefined
  #pieces: Piece[] = []
  /** Pieces that are gone: the answer has grown too large to be kept whole. */
  #dropped = 0
  #bytes = 0
  #allBytes = 0
  #outcome: { readonly summary: AnswerSummary } | { readonly error: unknown } | undefined
  #news = Promise.withResolvers<void>()
  #progress: PromiseWithResolvers<void> | undefined

  /** Larger answers are not kept whole. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether it can still be read from its beginning. */
  get isWhole(): boolean {
    return this.#allBytes <= this.#mostBytes
  }

  /** Whether all who read it have left, so that it will not be made to its end. */
  get isLeft(): boolean {
    return this.controller.signal.aborted
  }

  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void {
    this.#head = reply
    this.#tell()
  }

  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined {
    return this.#push(bytesPiece(bytes, cost !== undefined), cost)
  }

  takeEvents(events: readonly StreamEvent[]): Promise<void> | undefined {
    return this.#push({ events })
  }

  /** Gives the whole answer to a reader. `pays` is who asked first: told what it cost, and the headers as they were. */
  async follow(reader: AnswerReader, signal: AbortSignal, pays: boolean): Promise<AnswerSummary> {
    const follower: Follower = { next: 0 }
    this.#followers.add(follower)
    const gone = Promise.withResolvers<never>()
    gone.promise.catch(() => {})
    const onAbort = () => gone.reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    try {
      let hasBegun = false
      for (;;) {
        if (this.#head && !hasBegun) {
          hasBegun = true
          reader.begin(pays ? this.#head : keptHead(this.#head))
        }
        const piece = this.#pieces[follower.next - this.#dropped]
        if (piece) {
          const read = pays ? own(piece, reader, this.#costs) : given(piece, reader)
          if (read) await Promise.race([read, gone.promise])
          follower.next++
          this.#progressed()
        } else if (this.#outcome) {
          if ('error' in this.#outcome) throw this.#outcome.error
          return this.#outcome.summary
        } else {
          await Promise.race([this.#news.promise, gone.promise])
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#followers.delete(follower)
      this.#progressed()
      if (this.#followers.size === 0 && !this.#outcome) {
        this.controller.abort(new InferloomError('client_closed', 'Everybody who read the answer has left.'))
      }
    }
  }

  finish(summary: AnswerSummary): void {
    this.#outcome = { summary }
    this.#tell()
  }

  fail(error: unknown): void {
    this.#outcome ??= { error }
    this.#tell()
  }

  /** Undefined where it is not whole. */
  kept(summary: AnswerSummary, keptAt: number): KeptAnswer | undefined {
    if (!this.isWhole) return undefined
    return { head: this.#head && keptHead(this.#head), pieces: this.#pieces, summary, size: this.#allBytes, keptAt }
  }

  readonly #costs = new WeakMap<Piece, ToldCost>()

  #push(piece: Piece, cost?: ToldCost): Promise<void> | undefined {
    if (cost !== undefined) this.#costs.set(piece, cost)
    const size = sizeOf(piece)
    this.#pieces.push(piece)
    this.#bytes += size
    this.#allBytes += size
    if (!this.isWhole) this.#dropRead()
    this.#tell()
    return this.#isAhead() ? this.#wait() : undefined
  }

  async #wait(): Promise<void> {
    while (this.#isAhead()) await (this.#progress ??= Promise.withResolvers<void>()).promise
  }

  #isAhead(): boolean {
    if (this.#followers.size === 0 || this.#bytes <= mostAheadBytes) return false
    let ahead = 0
    for (let at = this.#slowest() - this.#dropped; at < this.#pieces.length; at++) {
      const piece = this.#pieces[at]
      if (piece) ahead += sizeOf(piece)
      if (ahead > mostAheadBytes) return true
    }
    return false
  }

  #slowest(): number {
    let slowest = this.#dropped + this.#pieces.length
    for (const { next } of this.#followers) slowest = Math.min(slowest, next)
    return slowest
  }

  #dropRead(): void {
    const read = this.#slowest() - this.#dropped
    if (read === 0) return
    for (const piece of this.#pieces.splice(0, read)) this.#bytes -= sizeOf(piece)
    this.#dropped += read
  }

  #progressed(): void {
    if (!this.isWhole) this.#dropRead()
    this.#progress?.resolve()
    this.#progress = undefined
  }

  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers<void>()
  }
}

function own(piece: Piece, reader: AnswerReader, costs: WeakMap<Piece, ToldCost>): Promise<void> | undefined {
  return 'bytes' in piece ? reader.take(piece.bytes, costs.get(piece)) : reader.takeEvents(piece.events)
}
