import type { FitLine } from './fits.ts'
import type { Slo } from './slo.ts'
import type { Distribution, Estimate } from './statistics.ts'

/** Changes when a reader of older files would misread them. */
export const resultVersion = 1

/** All that a run found; what `-o run.json` holds. Times are milliseconds. */
export interface BenchResult {
  readonly inferloomBench: typeof resultVersion
  readonly command: string
  readonly startedAt: string
  readonly tookSeconds: number
  /** Of the machine that asked. */
  readonly client: string
  readonly target: string
  readonly dialect: string
  /** Requests are the same for the same seed. */
  readonly seed: number
  readonly slo: Slo
  /** Where counts of tokens come from. */
  readonly tokenCounts: string
  /** What else there is to know about how it was measured. */
  readonly notes: readonly string[]
  readonly isInterrupted: boolean
  readonly sweeps: readonly Sweep[]
}

export type SweepKind = 'concurrency' | 'rate' | 'replay' | 'prompt-length' | 'output-length' | 'model'

/** Stages that differ in one thing. */
export interface Sweep {
  readonly kind: SweepKind
  readonly title: string
  readonly workload: string
  readonly stages: readonly StageResult[]
  readonly fits: readonly FitLine[]
  /** What is learnt from it, in words. */
  readonly lessons: readonly string[]
}

export interface StageResult {
  readonly name: string
  readonly model: string
  /** What is varied: requests at a time or a second, tokens; 0 where it is not a number. */
  readonly x: number
  readonly sent: number
  readonly completed: number
  readonly failed: number
  /** Not over when the stage was; they count neither as completed nor as failed. */
  readonly unfinished: number
  readonly errors: Readonly<Record<string, number>>
  /** Of the time in which was measured. */
  readonly windowSeconds: number
  readonly requestsPerSecond: Estimate
  readonly outputTokensPerSecond: Estimate
  readonly promptTokensPerSecond: number
  /** Completed requests a second that met every target. Absent where there are none. */
  readonly goodput?: Estimate
  /** Share of all requests that met every target; failed ones did not. */
  readonly metTargets?: number
  /** Of right answers, where it was said what is right. */
  readonly quality?: Estimate
  /** US dollars for a thousand requests, where prices were given. */
  readonly costPerThousand?: number
  readonly ttft?: Distribution
  readonly tpot?: Distribution
  readonly itl?: Distribution
  readonly latency?: Distribution
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  /** How late this generator sent requests, 99 of 100; part of all latencies above. */
  readonly latenessP99: number
  readonly mostInFlight: number
  /** What could not be held, in words. */
  readonly warnings: readonly string[]
  readonly series: TimeSeries
}

/** By spans of time of one length. */
export interface TimeSeries {
  readonly spanMs: number
  readonly outputTokensPerSecond: readonly number[]
  readonly requestsPerSecond: readonly number[]
  readonly failed: readonly number[]
  /** Medians of the requests that were due in the span; null where there were none. */
  readonly ttft: readonly (number | null)[]
  readonly inFlight: readonly number[]
}
