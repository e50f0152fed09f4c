import type { InferloomError } from '../../canonical/errors.ts'
import type { ServiceTier } from '../../canonical/request.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Candidate } from '../routing/plan.ts'

/** What is known of a request that wants to be sent. */
export interface PaceAsked {
  readonly candidate: Candidate
  /** Estimates. */
  readonly promptTokens: number
  readonly outputTokens: number
  readonly tier: ServiceTier
  /** `now()` of the timekeeper after which the answer is of no use; absent: it waits as long as the queue allows. */
  readonly deadlineAt: number | undefined
  /** Expected to pass from sending to the whole answer, in milliseconds, where that is known. */
  readonly expectedMs: number | undefined
  /** Whether somebody else can be asked: where the wait here would be too long, it is refused at once. */
  readonly canMoveOn: boolean
  readonly signal: AbortSignal
}

/** A request that may be sent now. What was set aside for it stays so until it settles, which happens once. */
export interface Pass {
  settle(result: {
    readonly usage?: Usage | undefined
    readonly error?: InferloomError | undefined
    /** False where its provider saw nothing of it, so that nothing was taken. */
    readonly wasSent?: boolean
    /** The headers of the answer, names in lower case, where there are any. */
    readonly headers?: Readonly<Record<string, string>> | undefined
  }): void
}

/** Keeps requests below the limits of the providers that take them. */
export interface Pacer {
  /**
   * A promise only where the request has to wait. Throws or rejects with `queue_full` where it would wait for too
   * long, with `deadline_exceeded` where that is longer than it has, and with the signal's reason.
   */
  enter(asked: PaceAsked): Pass | Promise<Pass>
  /** An answer has begun with these headers. */
  observe(candidate: Candidate, headers: Readonly<Record<string, string>>): void
}
