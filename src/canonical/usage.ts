/** US dollars; `unknown` where nobody knows them; `kept` where the answer was given before, and costs nothing again. */
export type ToldCost = number | 'unknown' | 'kept'

/** As a wire's usage says it. */
export function costMembers(cost: ToldCost | undefined): {
  readonly cost?: number | 'unknown'
  readonly cached?: true
} {
  if (cost === undefined) return {}
  return cost === 'kept' ? { cost: 0, cached: true } : { cost }
}

/** Tokens of one request, in the AI SDK's shape: totals first, then what they are made of. Absent parts are not known. */
export interface Usage {
  readonly inputTokens: {
    /** All of them, cached or not. */
    readonly total: number
    /** Read from a cache. */
    readonly cacheRead: number
    /** Written to a cache, and of these the ones that are kept for an hour. */
    readonly cacheWrite?: number
    readonly cacheWriteHour?: number
    readonly audio?: number
    readonly image?: number
  }
  readonly outputTokens: {
    /** All of them, thoughts included. */
    readonly total: number
    readonly reasoning: number
    readonly audio?: number
    readonly acceptedPrediction?: number
    readonly rejectedPrediction?: number
  }
  /** The tier that was charged, in the provider's word. */
  readonly serviceTier?: string
  /** Things that are charged by their number, such as `web_search`. */
  readonly counts?: Readonly<Record<string, number>>
  /** What the provider itself says it charges, in US dollars. */
  readonly charged?: number
  /** What it costs in US dollars by the prices known here. Absent where nobody looked. */
  readonly cost?: ToldCost
  /** The usage as the provider wrote it. */
  readonly raw?: unknown
}
