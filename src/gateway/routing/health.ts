import type { AttemptOutcome, Candidate } from './plan.ts'

/** One try that is under way. */
export interface Watch {
  /** Once. */
  ended(outcome: AttemptOutcome): void
}

/** How the candidates are, as their latest answers show. */
export interface Health {
  /** Whether a candidate may be asked now, without asking it: for plans. */
  isOpen(candidate: Candidate): boolean
  /** Begins a try; undefined where it may not be asked now (its breaker is open, and its probes are under way). */
  begin(candidate: Candidate): Watch | undefined
  /** Tries under way. */
  inFlight(candidate: Candidate): number
}
