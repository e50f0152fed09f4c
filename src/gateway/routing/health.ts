import type { AttemptOutcome, Candidate } from './plan.ts'

/** One try that is under way. */
export interface Watch {
  /** Once. */
  ended(outcome: AttemptOutcome): void
}

/** How the candidates are, as their latest answers show. */
export interface Health {
  /** Whether a candidate may be asked now, without asking it: for plans. */
  allows(candidate: Candidate): boolean
  /** Begins a try; undefined where it may not be asked now, unless nobody else can be (`isForced`). */
  begin(candidate: Candidate, isForced?: boolean): Watch | undefined
  /** Tries under way. */
  inFlight(candidate: Candidate): number
  /** The share of its latest tries that failed by its own fault, from 0 to 1; 0 where nothing is known. */
  failureShare(candidate: Candidate): number
}
