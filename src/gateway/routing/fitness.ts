import type { Constraints, Prediction } from './plan.ts'

/** What one request wants of whoever answers it. */
export interface Wanted extends Constraints {
  /** Milliseconds that are left of its deadline. */
  readonly deadlineMs: number | undefined
  /** `images`, `tools` … */
  readonly needs: readonly string[]
  /** An estimate, which may be a third too much. */
  readonly promptTokens: number
  readonly maxOutputTokens: number | undefined
  readonly stream: boolean
}

interface Ability {
  readonly contextTokens: number | undefined
  /** Needs that it cannot meet. */
  readonly lacks: readonly string[]
  readonly region: string | undefined
}

/** Of an estimate of a prompt's length: at least so much of it is there. */
const sureShare = 0.6

/** Why a candidate cannot answer as is wanted, for people; undefined where it may. */
export function shortcoming(prediction: Prediction, wanted: Wanted, ability: Ability): string | undefined {
  const { lacks, contextTokens, region } = ability
  const lacking = wanted.needs.filter((need) => lacks.includes(need))
  if (lacking.length > 0) return `cannot take ${lacking.join(', ')}`
  const tokens = wanted.promptTokens * sureShare
  if (contextTokens !== undefined && tokens > contextTokens) {
    return `has a context of ${contextTokens} tokens, and the prompt has about ${wanted.promptTokens}`
  }
  if (wanted.region !== undefined && region !== wanted.region) return `is not in ${wanted.region}`
  const { cost, quality, ttftMs, latencyMs } = prediction
  if (wanted.maxCost !== undefined) {
    if (cost === undefined) return 'has a price that nobody knows'
    if (cost > wanted.maxCost) return `would cost about $${Number(cost.toPrecision(2))}`
  }
  if (wanted.minQuality !== undefined) {
    if (quality === undefined) return 'has a quality that nobody measured'
    if (quality < wanted.minQuality) return `has a quality of ${quality}`
  }
  if (wanted.ttftMs !== undefined && ttftMs !== undefined && ttftMs > wanted.ttftMs) {
    return `begins after about ${Math.round(ttftMs)} ms`
  }
  if (wanted.latencyMs !== undefined && latencyMs !== undefined && latencyMs > wanted.latencyMs) {
    return `takes about ${Math.round(latencyMs)} ms`
  }
  return undefined
}

/** 0: nine times of ten it is in time; 1: not known; 2: more often than not; 3: it will be late. */
export function standingOf(prediction: Prediction | undefined, wanted: Wanted): 0 | 1 | 2 | 3 {
  const limit = Math.min(wanted.latencyMs ?? Infinity, wanted.deadlineMs ?? Infinity)
  const ttftLimit = wanted.ttftMs ?? Infinity
  if (limit === Infinity && ttftLimit === Infinity) return 0
  const { latencyMs, latencyP90Ms, ttftMs, ttftP90Ms } = prediction ?? {}
  if (latencyMs === undefined || latencyP90Ms === undefined) return 1
  if (latencyP90Ms <= limit && (ttftP90Ms ?? 0) <= ttftLimit) return 0
  return latencyMs <= limit && (ttftMs ?? 0) <= ttftLimit ? 2 : 3
}
