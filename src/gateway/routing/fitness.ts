import type { Constraints, Prediction } from './plan.ts'

/** What one request wants of whoever answers it. */
export interface Wanted extends Omit<Constraints, 'region'> {
  /** Where it has to run: several where the route and the request name different ones, which nobody is in. */
  readonly regions: readonly string[]
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
  /** Whether what is predicted of its times is of late, so that a request may be refused for it. */
  readonly isFresh: boolean
}

/** Why a candidate cannot answer as is wanted. */
export interface Shortcoming {
  /** For people. */
  readonly why: string
  /** By how much it misses what is wanted; Infinity where it cannot answer at all, or may not. */
  readonly by: number
}

/** Of an estimate of a prompt's length: at least so much of it is there. */
const sureShare = 0.6
/** A deadline is out of reach where the median answer takes so many times as long. */
const hopeless = 2

/** Undefined where it may, as far as is known. */
export function shortcoming(prediction: Prediction, wanted: Wanted, ability: Ability): Shortcoming | undefined {
  const { lacks, contextTokens, region } = ability
  if (wanted.needs.length > 0 && lacks.length > 0) {
    const lacking = wanted.needs.filter((need) => lacks.includes(need))
    if (lacking.length > 0) return { why: `cannot take ${lacking.join(', ')}`, by: Infinity }
  }
  if (isTooLong(wanted.promptTokens, contextTokens)) {
    const why = `has a context of ${contextTokens} tokens, and the prompt has about ${wanted.promptTokens}`
    return { why, by: Infinity }
  }
  const elsewhere = wanted.regions.find((each) => each !== region)
  // Where something may run is not a matter of more or less.
  if (elsewhere !== undefined) return { why: `is not in ${elsewhere}`, by: Infinity }
  return costsTooMuch(prediction, wanted) ?? isTooBad(prediction, wanted) ?? isTooLate(prediction, wanted, ability)
}

/** Whether a prompt, whose length is an estimate, is certainly longer than a context. */
export function isTooLong(promptTokens: number, contextTokens: number | undefined): boolean {
  return contextTokens !== undefined && contextTokens > 0 && promptTokens * sureShare > contextTokens
}

function costsTooMuch({ cost }: Prediction, { maxCost }: Wanted): Shortcoming | undefined {
  if (maxCost === undefined) return undefined
  if (cost === undefined) return { why: 'has a price that nobody knows', by: 1 }
  if (cost <= maxCost) return undefined
  return { why: `would cost about $${Number(cost.toPrecision(2))}`, by: cost / Math.max(maxCost, 1e-9) - 1 }
}

function isTooBad({ quality }: Prediction, { minQuality }: Wanted): Shortcoming | undefined {
  if (minQuality === undefined) return undefined
  if (quality === undefined) return { why: 'has a quality that nobody measured', by: 1 }
  return quality < minQuality ? { why: `has a quality of ${quality}`, by: minQuality - quality } : undefined
}

/** What was slow a while ago may be quick now, and would never be asked again if it were refused for that. */
function isTooLate({ ttftMs, latencyMs }: Prediction, wanted: Wanted, { isFresh }: Ability): Shortcoming | undefined {
  if (!isFresh) return undefined
  if (wanted.ttftMs !== undefined && ttftMs !== undefined && ttftMs > wanted.ttftMs) {
    return { why: `begins after about ${Math.round(ttftMs)} ms`, by: ttftMs / wanted.ttftMs - 1 }
  }
  if (latencyMs === undefined) return undefined
  if (wanted.latencyMs !== undefined && latencyMs > wanted.latencyMs) {
    return { why: `takes about ${Math.round(latencyMs)} ms`, by: latencyMs / wanted.latencyMs - 1 }
  }
  if (wanted.deadlineMs !== undefined && latencyMs > wanted.deadlineMs * hopeless) {
    const left = Math.max(0, Math.round(wanted.deadlineMs))
    return { why: `takes about ${Math.round(latencyMs)} ms, and ${left} are left`, by: latencyMs / Math.max(left, 1) }
  }
  return undefined
}

/** 0: nine times of ten it is in time; 1: not known; 2: more often than not; 3: it will be late. */
export function standingOf(prediction: Prediction | undefined, wanted: Wanted): 0 | 1 | 2 | 3 {
  const limit = Math.min(wanted.latencyMs ?? Infinity, wanted.deadlineMs ?? Infinity)
  const ttftLimit = wanted.ttftMs ?? Infinity
  if (limit === Infinity && ttftLimit === Infinity) return 0
  const { latencyMs, latencyP90Ms, ttftMs, ttftP90Ms } = prediction ?? {}
  if (limit !== Infinity && latencyP90Ms === undefined) return 1
  if (ttftLimit !== Infinity && ttftP90Ms === undefined) return 1
  if ((latencyP90Ms ?? 0) <= limit && (ttftP90Ms ?? 0) <= ttftLimit) return 0
  return (latencyMs ?? 0) <= limit && (ttftMs ?? 0) <= ttftLimit ? 2 : 3
}

/** What is wanted by the route and by the request, each of which may only ask for more than the other. */
export function stricter(route: Constraints, request: Constraints): Omit<Constraints, 'region'> {
  const ttftMs = least(route.ttftMs, request.ttftMs)
  const latencyMs = least(route.latencyMs, request.latencyMs)
  const maxCost = least(route.maxCost, request.maxCost)
  const minQuality = most(route.minQuality, request.minQuality)
  return {
    ...(ttftMs !== undefined && { ttftMs }),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(maxCost !== undefined && { maxCost }),
    ...(minQuality !== undefined && { minQuality }),
  }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}

function most(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b)
}
