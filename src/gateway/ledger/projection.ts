import type { UsageLine } from '../../storage/ledger/usage-query.ts'

/** Below this many priced requests an interval would promise more than is known. */
const fewestForInterval = 30
/** Standard deviations on both sides of a mean between which it lies 95 times in 100. */
const deviations95 = 1.96
const daysPerMonth = 30

export interface Projection {
  readonly requests_per_day: number
  /** How it was made, for people. */
  readonly method: string
  readonly measured: { readonly priced: number; readonly unpriced: number; readonly mean_cost_usd: number | null }
  readonly usd_per_day: Range
  readonly usd_per_month: Range
}

/** Null is unknown. */
interface Range {
  readonly mean: number | null
  readonly low: number | null
  readonly high: number | null
}

/** What so many requests a day would cost, if they were like those that were measured. */
export function projected(lines: readonly UsageLine[], perDay: number): Projection {
  const priced = sum(lines, 'priced')
  const unpriced = sum(lines, 'unpriced')
  const mean = priced === 0 ? null : sum(lines, 'cost_usd') / priced
  const error = mean === null || priced < fewestForInterval ? null : standardError(lines, { mean, priced })
  const scaled = (factor: number): Range => ({
    mean: mean === null ? null : mean * factor,
    low: mean === null || error === null ? null : Math.max(0, mean - deviations95 * error) * factor,
    high: mean === null || error === null ? null : (mean + deviations95 * error) * factor,
  })
  return {
    requests_per_day: perDay,
    method: methodOf(priced, unpriced),
    measured: { priced, unpriced, mean_cost_usd: mean },
    usd_per_day: scaled(perDay),
    usd_per_month: scaled(perDay * daysPerMonth),
  }
}

function standardError(
  lines: readonly UsageLine[],
  { mean, priced }: { readonly mean: number; readonly priced: number },
): number {
  const squares = sum(lines, 'cost_squares')
  return Math.sqrt(Math.max(0, squares - priced * mean * mean) / (priced - 1) / priced)
}

function methodOf(priced: number, unpriced: number): string {
  if (priced === 0) return 'No request of that time has a known price, so that nothing can be said.'
  const left = unpriced === 0 ? '' : ` ${unpriced} requests whose price is unknown are left out.`
  const interval =
    priced < fewestForInterval
      ? `There is no interval: it takes ${fewestForInterval} of them.`
      : 'The interval is where the mean of such requests lies 95 times in 100 (mean ± 1.96 standard errors); it says nothing of requests of another kind, or of prices to come.'
  return `The mean cost of ${priced} measured requests, times the requests a day; a month has ${daysPerMonth} days. ${interval}${left}`
}

function sum(lines: readonly UsageLine[], name: 'priced' | 'unpriced' | 'cost_usd' | 'cost_squares'): number {
  return lines.reduce((total, line) => total + line[name], 0)
}
