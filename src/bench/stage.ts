import type { Arrivals } from './arrivals.ts'
import type { GapSample } from './gap-sample.ts'
import type { Outcome } from './outcome.ts'
import type { Workload } from './synthetic.ts'

/** What decides when the next request is sent. */
export type Drive =
  /** So many at a time, each sent when one before it was answered. */
  | { readonly kind: 'closed'; readonly concurrency: number }
  /** At their own times, whether or not earlier ones were answered. */
  | { readonly kind: 'open'; readonly arrivals: Arrivals }
  /** As recorded; milliseconds from the first. */
  | { readonly kind: 'replay'; readonly times: readonly number[] }

/** One load, held for a while. */
export interface StageSpec {
  /** `4 at once` */
  readonly name: string
  readonly drive: Drive
  readonly workload: Workload
  /** Requests are sent for so long, warm-up and cool-down included. */
  readonly durationMs: number
  /** And so many at most. */
  readonly requests: number
  readonly warmupMs: number
  readonly cooldownMs: number
  /** Requests under way at most; those that are due beyond them wait here, which counts as their latency. */
  readonly mostInFlight: number
  /** For those under way when the last was sent. */
  readonly drainMs: number
}

export type EndReason = 'done' | 'interrupted' | 'no answers'

/** What was seen of one stage, before it is summed up. Times are on the clock of `performance.now()`. */
export interface StageRun {
  readonly outcomes: readonly Outcome[]
  readonly gaps: GapSample
  readonly beganAt: number
  /** No more were sent from here on. */
  readonly sendingEndedAt: number
  readonly endedAt: number
  /** Due, but not sent in time, because this generator or its limits did not get to it. */
  readonly unsent: number
  /** Due while the most that may be were under way. */
  readonly heldBack: number
  /** Given up when the time for draining was over. */
  readonly undrained: number
  readonly mostInFlight: number
  readonly ended: EndReason
}

/** How far a stage is, for whoever watches. */
export interface StageProgress {
  readonly elapsedMs: number
  /** From 0 to 1. */
  readonly share: number
  readonly sent: number
  readonly inFlight: number
  readonly outcomes: readonly Outcome[]
}
