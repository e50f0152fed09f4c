import type { InferloomError } from '../../canonical/errors.ts'
import type { LimitStanding } from '../../canonical/limit-standing.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Caller } from '../caller.ts'
import type { Served } from '../models.ts'

/** What is known of a request before it is sent. */
export interface Asked {
  readonly caller: Caller
  /** As the client asked for it. */
  readonly model: string
  readonly served: Served
  /** As the client sent it, from which its input tokens are estimated; absent where it is no text. */
  readonly body?: string | undefined
  /** As the client set it; absent where it left the length open. */
  readonly maxOutputTokens?: number | undefined
  /** `performance.now()` by which the answer is wanted; who waits in a queue waits no longer. */
  readonly deadlineAt?: number | undefined
  readonly signal: AbortSignal
}

/** What a request took in the end. */
export interface Settlement {
  /** Absent where nothing was answered. */
  readonly usage?: Usage | undefined
  /** In US dollars; undefined where the price is unknown. */
  readonly cost?: number | undefined
  readonly error?: InferloomError | undefined
}

/** A request that was let in: what was set aside for it stays so until it settles, which happens once. */
export interface Admitted {
  /** For its response; absent where nothing is limited. */
  readonly standing?: LimitStanding
  settle(settlement: Settlement): void
}

/** Decides before a request is sent whether its key, team and model have room for it. */
export interface Admission {
  /** A promise only where it has to wait for its turn. Throws or rejects with `rate_limited` or `budget_exceeded`. */
  admit(asked: Asked): Admitted | Promise<Admitted>
}
