/** What can be measured instead of guessed. */
export type TunedPart = 'threads' | 'batchTokens' | 'flashAttention'

/** What was measured to be fastest on this machine; absent is what was not measured. */
export interface Tuning {
  readonly threads?: number
  readonly batchTokens?: number
  readonly flashAttention?: boolean
}

/** One value that was tried. */
export interface Trial {
  readonly part: TunedPart
  readonly value: number | boolean
  /** What the same work took with it; absent where it was given up for being far slower than another. */
  readonly milliseconds?: number
}

export interface TuningResult {
  readonly tuning: Tuning
  readonly trials: readonly Trial[]
}
