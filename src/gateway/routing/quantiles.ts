/** Bounds of the buckets: a twelfth of a power of two apart from 0.1 ms on, so that a quantile is 3 % off at most. */
const perDoubling = 12
const smallest = 0.1
const buckets = 276
const logSmallest = Math.log2(smallest)
/** However long nothing was seen, one new thing takes no more than this from the weight of what was seen before. */
const keptByEach = 0.7
/** Weights grow with time; beyond this they are all made smaller again. */
const mostWeight = 1e6

/** What was seen, in quantiles. */
export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

/**
 * Quantiles of what was seen lately: what is a half-life old counts half, but only as newer things come, so that
 * something that is seen once an hour is known, too. Takes 1 KB, whatever it sees.
 */
export class DecayingQuantiles {
  readonly #counts = new Float32Array(buckets)
  readonly #halfLifeMs: number
  /** What the next thing weighs; earlier ones weigh less, which comes to the same as fading. */
  #unit = 1
  #total = 0
  #seenAt = -Infinity
  #known: Quantiles | undefined

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
  }

  /** In milliseconds, or any other unit of which 0.1 is little and a million is much. */
  add(value: number, now: number): void {
    if (this.#total > 0) this.#unit /= Math.max(keptByEach, 2 ** (-Math.max(0, now - this.#seenAt) / this.#halfLifeMs))
    if (this.#unit > mostWeight) this.#shrink()
    const at = Math.floor((Math.log2(Math.max(value, smallest)) - logSmallest) * perDoubling)
    const bucket = Math.min(buckets - 1, Math.max(0, at))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + this.#unit
    this.#total += this.#unit
    this.#seenAt = now
    this.#known = undefined
  }

  /** About how many things it knows of that still count. */
  get count(): number {
    return this.#total / this.#unit
  }

  /** When the latest was seen; -Infinity where nothing was. */
  get seenAt(): number {
    return this.#seenAt
  }

  /** Undefined where nothing was seen. Found out once for all who ask before something new is seen. */
  get(): Quantiles | undefined {
    if (this.#total === 0) return undefined
    return (this.#known ??= { p50: this.#quantile(0.5), p90: this.#quantile(0.9), p95: this.#quantile(0.95) })
  }

  #quantile(q: number): number {
    const wanted = q * this.#total
    let sum = 0
    let last = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      const count = this.#counts[bucket] ?? 0
      if (count === 0) continue
      last = bucket
      if (sum + count >= wanted) return valueAt(bucket + (wanted - sum) / count)
      sum += count
    }
    // Sums of small numbers are off by a little.
    return valueAt(last + 1)
  }

  #shrink(): void {
    this.#total = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      const count = (this.#counts[bucket] ?? 0) / this.#unit
      // What faded that far is of no weight, and would make sums slow.
      this.#counts[bucket] = count < 1e-4 ? 0 : count
      this.#total += this.#counts[bucket] ?? 0
    }
    this.#unit = 1
  }
}

function valueAt(position: number): number {
  return 2 ** (logSmallest + position / perDoubling)
}
