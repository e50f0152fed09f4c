/** Bounds of the buckets: a twelfth of a power of two apart from 0.1 ms on, so that a quantile is 3 % off at most. */
const perDoubling = 12
const smallest = 0.1
const buckets = 276
const logSmallest = Math.log2(smallest)

/** Quantiles of what was seen lately: what is a half-life old counts half. Takes 2 KB, whatever it sees. */
export class DecayingQuantiles {
  readonly #counts = new Float64Array(buckets)
  readonly #halfLifeMs: number
  #total = 0
  /** What a thing seen at `#since` weighs is 1; later ones weigh more, which comes to the same. */
  #since = 0

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
  }

  /** In milliseconds, or any other unit of which 0.1 is little and a million is much. */
  add(value: number, now: number): void {
    let weight = 2 ** ((now - this.#since) / this.#halfLifeMs)
    if (weight > 1e9) {
      this.#scale(1 / weight)
      this.#since = now
      weight = 1
    }
    const at = Math.floor((Math.log2(Math.max(value, smallest)) - logSmallest) * perDoubling)
    const bucket = Math.min(buckets - 1, Math.max(0, at))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + weight
    this.#total += weight
  }

  /** How many were seen, by what they weigh now. */
  weight(now: number): number {
    return this.#total / 2 ** ((now - this.#since) / this.#halfLifeMs)
  }

  /** Undefined where nothing was seen. */
  quantile(q: number): number | undefined {
    if (this.#total <= 0) return undefined
    let left = q * this.#total
    for (let bucket = 0; bucket < buckets; bucket++) {
      left -= this.#counts[bucket] ?? 0
      if (left <= 0) return 2 ** (logSmallest + (bucket + 0.5) / perDoubling)
    }
    return 2 ** (logSmallest + buckets / perDoubling)
  }

  #scale(factor: number): void {
    for (let bucket = 0; bucket < buckets; bucket++) this.#counts[bucket] = (this.#counts[bucket] ?? 0) * factor
    this.#total *= factor
  }
}
