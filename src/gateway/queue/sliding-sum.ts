const slices = 60
/** Longer than the provider's window by so much: its clock is not ours, and requests are not there at once. */
const margin = 1.02

/** A part of a sum, which can be corrected as long as it is there. */
export interface Part {
  readonly slice: number
  readonly amount: number
}

/**
 * What was taken in the last so many milliseconds, in sixty slices. As long as no more than a limit is in it, a
 * provider that counts by the same window is content, whether its window slides, begins at full minutes, or refills
 * little by little.
 */
export class SlidingSum {
  readonly #sliceMs: number
  readonly #sums = new Float64Array(slices + 1)
  #slice = 0
  #total = 0

  constructor(windowMs: number) {
    this.#sliceMs = (windowMs * margin) / slices
  }

  total(now: number): number {
    this.#moveTo(now)
    return this.#total
  }

  add(amount: number, now: number): Part {
    this.#moveTo(now)
    this.#change(this.#slice, amount)
    return { slice: this.#slice, amount }
  }

  /** What it was really. */
  correct({ slice, amount }: Part, really: number, now: number): void {
    this.#moveTo(now)
    if (this.#slice - slice <= slices) this.#change(slice, really - amount)
  }

  /** Milliseconds until so much is free below a limit; 0 where it is now. No more than a limit ever is. */
  waitMs(amount: number, limit: number, now: number): number {
    const total = this.total(now)
    let over = total + Math.min(amount, limit) - limit
    if (over <= 0) return 0
    for (let slice = this.#slice - slices; slice <= this.#slice; slice++) {
      over -= this.#sums[index(slice)] ?? 0
      if (over <= 1e-9) return (slice + slices + 1) * this.#sliceMs - now
    }
    return (slices + 1) * this.#sliceMs
  }

  #change(slice: number, by: number): void {
    const at = index(slice)
    const before = this.#sums[at] ?? 0
    const after = Math.max(0, before + by)
    this.#sums[at] = after
    this.#total += after - before
  }

  #moveTo(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#slice) return
    for (let each = Math.max(this.#slice + 1, slice - slices); each <= slice; each++) {
      const at = index(each)
      this.#total -= this.#sums[at] ?? 0
      this.#sums[at] = 0
    }
    this.#slice = slice
    if (this.#total < 1e-9) this.#total = 0
  }
}

function index(slice: number): number {
  return ((slice % (slices + 1)) + slices + 1) % (slices + 1)
}
