import { quantileSorted, sampleStandardDeviation } from 'simple-statistics'

/** A number and the interval that holds the true one in 95 of 100 cases. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface Distribution {
  readonly count: number
  readonly mean: number
  readonly p50: Estimate
  readonly p90: Estimate
  readonly p95: Estimate
  readonly p99: Estimate
  readonly most: number
}

/** Of a normal distribution, two-sided. */
const z95 = 1.959964

/**
 * Sums values up. They are in the order of their time: neighbours that resemble each other count as fewer than they
 * are. Undefined where there are none.
 */
export function distributionOf(inOrder: ArrayLike<number>): Distribution | undefined {
  const count = inOrder.length
  if (count === 0) return undefined
  const sorted = Float64Array.from(inOrder).sort()
  let sum = 0
  for (const value of sorted) sum += value
  const at = (share: number) => quantile(sorted, inOrder, share)
  return {
    count,
    mean: sum / count,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    most: sorted[count - 1] ?? 0,
  }
}

/**
 * A quantile with its interval by order statistics: how many values lie below the true quantile is binomial, whatever
 * the distribution (https://online.stat.psu.edu/stat415/lesson/19/19.2). Where the sample is too small to have a value
 * outside, the interval ends with the sample.
 */
function quantile(sorted: Float64Array, inOrder: ArrayLike<number>, share: number): Estimate {
  const count = sorted.length
  const value = quantileSorted(sorted as unknown as number[], share)
  const effective = count / inflation(inOrder, value)
  const spread = z95 * Math.sqrt((share * (1 - share)) / effective)
  const index = (position: number) => Math.min(count - 1, Math.max(0, Math.round(position * count)))
  const [low = value, high = value] = [
    sorted[index(share - spread) - 1 < 0 ? 0 : index(share - spread) - 1],
    sorted[index(share + spread)],
  ]
  return { value, low: Math.min(low, value), high: Math.max(high, value) }
}

/**
 * By how much more a quantile varies than that of independent values: requests that were under way together share
 * their fate. From the correlation of being below it with the same of the next request; 1 where there is none.
 */
function inflation(inOrder: ArrayLike<number>, value: number): number {
  const count = inOrder.length
  let below = 0
  let both = 0
  for (let index = 0; index < count; index++) {
    const isBelow = (inOrder[index] ?? 0) <= value
    if (isBelow) below++
    if (isBelow && index + 1 < count && (inOrder[index + 1] ?? 0) <= value) both++
  }
  const share = below / count
  const variance = share * (1 - share)
  if (count < 10 || variance === 0) return 1
  const correlation = Math.min(0.95, Math.max(0, (both / (count - 1) - share * share) / variance))
  return (1 + correlation) / (1 - correlation)
}

/** Student's t for 95 %, by degrees of freedom from 1 on; beyond them it is nearly the normal's. */
const t95 = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1, 2.09,
]

/** The mean of equal spans of time with its interval (batch means); one span alone has none. */
export function meanOfSpans(spans: readonly number[]): Estimate {
  const value = spans.reduce((sum, each) => sum + each, 0) / Math.max(1, spans.length)
  if (spans.length < 2) return { value, low: value, high: value }
  const t = t95[spans.length - 2] ?? 2.05
  const half = (t * sampleStandardDeviation([...spans])) / Math.sqrt(spans.length)
  return { value, low: Math.max(0, value - half), high: value + half }
}

/** A share with Wilson's interval: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval */
export function shareOf(part: number, whole: number): Estimate {
  if (whole === 0) return { value: 0, low: 0, high: 1 }
  const value = part / whole
  const square = z95 ** 2 / whole
  const center = (value + square / 2) / (1 + square)
  const half = (Math.sqrt((value * (1 - value)) / whole + square / (4 * whole)) * z95) / (1 + square)
  return { value, low: Math.max(0, center - half), high: Math.min(1, center + half) }
}

/** How far two estimates are apart in units of their noise: more than 1.96 is seen by chance once in twenty. */
export function noiseUnits(first: Estimate, second: Estimate): number {
  const deviation = Math.hypot(deviationOf(first), deviationOf(second))
  const difference = Math.abs(second.value - first.value)
  return deviation === 0 ? (difference === 0 ? 0 : Infinity) : difference / deviation
}

function deviationOf({ low, high }: Estimate): number {
  return (high - low) / (2 * z95)
}
