import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { CacheOutcome } from './cache/answer-cache.ts'
import type { Shaped } from './prompt/prompt-policy.ts'
import type { Objective } from './routing/plan.ts'

/** Who answers, where that was not said by the request itself. */
export interface Chosen {
  /** `provider/model` */
  readonly id: string
  readonly route: string | undefined
  readonly objective: Objective | undefined
  /** Tries at providers, this one among them. */
  readonly attempts: number
}

/** Told what is said beside an answer, each before anything of the answer is. */
export interface Announcer {
  /** Where its client stands with its limits. */
  standing(standing: LimitStanding): void
  /** Whom a route chose, or who answered after others failed. */
  chosen(chosen: Chosen): void
  /** What the caches said. */
  cached(outcome: CacheOutcome): void
  /** What was taken from the prompt. */
  shortened(removed: Shaped['removed']): void
}
