import type { FinishReason } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Caller } from '../caller.ts'
import type { AnswerReader } from '../question.ts'

/** What a request says of caches itself (`x-inferloom-cache`, `cache-control`). Absent: as its route and the server do. */
export type CacheWish = 'off' | 'on' | 'only' | 'refresh'

/** Told on the response and in the ledger. */
export type CacheOutcome = 'hit' | 'shared' | 'semantic' | 'miss' | 'off'

export interface CacheAsked {
  readonly caller: Caller
  readonly wire: string
  /** As the client named it. */
  readonly model: string
  readonly stream: boolean
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly text: string | undefined
  /** Those of the client's headers that may change the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly wish: CacheWish | undefined
  /** Whether it has a deadline of its own, so that it neither waits for others nor others for it. */
  readonly isUrgent?: boolean
  readonly signal: AbortSignal
}

/** What the ledger keeps of an answer, whoever it is delivered to. */
export interface AnswerSummary {
  readonly usage: Usage | undefined
  readonly finishReason: FinishReason | undefined
  /** Who gave it: the provider and its model, and the very model that answered where it says. */
  readonly provider: string
  readonly model: string
  readonly answeredBy: string | undefined
}

/** Answers that were given before, or are being given now. */
export interface AnswerCache {
  /** Whether it is asked for such a request at all. */
  takes(asked: Pick<CacheAsked, 'model' | 'body' | 'wish'>): boolean
  /**
   * Finds an answer, or makes one and keeps it; resolves when it was delivered, with what was kept beside it. `outcome` is told before anything of the answer is delivered to
   * `reader`; `make` is called at most once, delivers to the reader it is given, and goes on when its client leaves as
   * long as others read the same answer (its `signal` says when nobody does any more).
   * Throws `cache_miss` where only a kept answer was wanted.
   */
  answer(
    asked: CacheAsked,
    reader: AnswerReader,
    steps: {
      readonly outcome: (outcome: CacheOutcome) => void
      readonly make: (reader: AnswerReader, signal: AbortSignal) => Promise<AnswerSummary>
    },
  ): Promise<AnswerSummary>
  close(): Promise<void>
}
