import type { Caller } from '../caller.ts'
import type { Served } from '../models.ts'

/** What a route tries to be. */
export type Objective = 'cheapest' | 'fastest' | 'best' | 'balanced' | 'ordered' | 'weighted' | 'least-busy'

/** What an answer has to keep to. Absent: nothing. */
export interface Constraints {
  /** Milliseconds to the first token, and to the last. */
  readonly ttftMs?: number
  readonly latencyMs?: number
  /** US dollars for the whole request. */
  readonly maxCost?: number
  /** From 0 to 1. */
  readonly minQuality?: number
  readonly region?: string
}

/**
 * What a request brought itself (`x-inferloom-objective`, `x-inferloom-max-cost` …). Its objective goes before its
 * route's; of constraints, the stricter one counts.
 */
export interface Wishes extends Constraints {
  readonly objective?: Objective
}

/** A model at one provider that a route may choose. */
export interface Candidate {
  readonly served: Served
  /** Under which everything is learnt and told of it: `openai/gpt-4.1`, or the name of a local model. */
  readonly id: string
}

/** What is expected of a candidate for one request. Undefined is not known. */
export interface Prediction {
  readonly ttftMs: number | undefined
  /** To the last token: the median, and what nine of ten keep to; the same of the first token below. */
  readonly latencyMs: number | undefined
  readonly latencyP90Ms: number | undefined
  readonly ttftP90Ms: number | undefined
  readonly ttftP95Ms: number | undefined
  /** US dollars. */
  readonly cost: number | undefined
  /** How long the answer may be: the median. */
  readonly outputTokens: number
  /** From 0 to 1. */
  readonly quality: number | undefined
}

export interface Planned extends Candidate {
  readonly prediction?: Prediction
  /** Absent where no route planned it. */
  readonly asked?: PlannedFor
}

/** What a candidate was planned for, for whoever learns from what came of it. */
export interface PlannedFor {
  readonly route: string
  /** An estimate. */
  readonly promptTokens: number
  readonly maxOutputTokens: number | undefined
  /** Of the answer: more than nine of ten have. Undefined where nobody knows. */
  readonly longTokens: number | undefined
  readonly stream: boolean
}

/** A candidate that was left out, and why, for people. */
export interface Excluded {
  readonly id: string
  readonly why: string
}

/** Whom to ask, in this order. */
export interface Plan {
  /** Undefined where a model was named, and no route. */
  readonly route: string | undefined
  readonly objective?: Objective
  /** At least one. */
  readonly candidates: readonly Planned[]
  readonly excluded: readonly Excluded[]
  /** Of the first, for people: `fastest of 3: 210 ms expected`. */
  readonly why?: string
  /** What may be done when one fails; absent settings are those of the server. */
  readonly reliability?: RouteReliability
}

/** What a route sets for itself. */
export interface RouteReliability {
  /** Tries in all, at all candidates. */
  readonly attempts?: number
  /** Whether a second candidate is asked when the first is slow. */
  readonly hedge?: boolean
  /** Whether a prompt too long for one is given to a candidate with a larger window, or a filtered one to the next. */
  readonly onContextOverflow?: boolean
  readonly onContentFilter?: boolean
  /** Milliseconds a candidate has to begin before the next is asked instead. */
  readonly firstContentMs?: number
}

/** What is known of a request when it is planned. */
export interface PlanAsked {
  readonly model: string
  readonly caller: Caller
  readonly wishes: Wishes
  /** The client's JSON, and its text; absent where it sent none. */
  readonly body?: Readonly<Record<string, unknown>> | undefined
  readonly text?: string | undefined
  readonly maxOutputTokens?: number | undefined
  readonly stream: boolean
  /** `performance.now()` by which the whole answer is wanted. */
  readonly deadlineAt?: number | undefined
  readonly receivedAt: number
}

/** What one try came to, for whoever learns from it. */
export interface AttemptOutcome {
  readonly promptTokens: number | undefined
  readonly outputTokens: number | undefined
  /** Milliseconds since it was sent: to its first content, and to its end. */
  readonly ttftMs: number | undefined
  readonly totalMs: number
  /** `ok`; `failed` by the candidate's own fault; `cancelled` by us or by the client; `limited` for too much at once; `refused` for what was asked. */
  readonly ended: 'ok' | 'failed' | 'cancelled' | 'limited' | 'refused'
}

/** Chooses candidates for requests. */
export interface Planner {
  /** Throws `model_not_found` and `model_ambiguous` as `Models.find` does, and `no_candidate` where none may be asked. */
  plan(asked: PlanAsked): Plan
  /** A try has begun to answer. */
  began(candidate: Planned, ttftMs: number): void
  /** A try has ended. */
  learn(candidate: Planned, outcome: AttemptOutcome): void
}
