import type { Period } from '../limits/calendar.ts'
import type { Window } from '../limits/key-limits.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A rate is read from so much of the past, which may be before the period began. */
const horizons: Partial<Record<Window, number>> = { hour: hourMs, day: dayMs, week: 7 * dayMs, month: 7 * dayMs }
/** Of that, the least that a rate is read from: a first request says nothing about the next month. */
const leastShare = 1 / 24

/** How the projection is made, for people. */
export const projectionMethod =
  'spent so far, and for what is left of the period the average of the last 7 days (of a day the last 24 hours, of an hour the last 60 minutes); of a younger key the average since its first request, or of a twenty-fourth of that time if it is younger still'

export interface Projection {
  /** US dollars at the end of the period. */
  readonly projected: number
  /** Milliseconds since 1970 at which the budget is used up; absent where that is not within the period. */
  readonly usedUpAt?: number
}

export interface SpentLately {
  readonly usd: number
  /** Milliseconds since 1970 of the first request; absent where there was none. */
  readonly first?: number | null | undefined
}

/** From when on it has to be known what was spent; undefined for windows that are too short to say anything. */
export function lookBack(window: Window, now: number): number | undefined {
  const horizon = horizons[window]
  return horizon === undefined ? undefined : now - horizon
}

/** What a budget is going to have spent at its end if things go on as they went lately. */
export function project(
  {
    window,
    usd,
    period,
    spent,
  }: { readonly window: Window; readonly usd: number; readonly period: Period; readonly spent: number },
  lately: SpentLately,
  now: number,
): Projection | undefined {
  const horizon = horizons[window]
  if (horizon === undefined) return undefined
  const seen = Math.min(horizon, Math.max(horizon * leastShare, now - (lately.first ?? now)))
  const perMs = lately.usd / seen
  const projected = spent + perMs * Math.max(0, period.end - now)
  const usedUpAt = spent >= usd ? now : now + (usd - spent) / perMs
  return usedUpAt < period.end ? { projected, usedUpAt } : { projected }
}
