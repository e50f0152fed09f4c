/** Sums over equal spans of time. What lies outside of all of them is left out. */
export class Spans {
  readonly sums: number[]
  readonly spanMs: number
  readonly #from: number

  constructor(from: number, spanMs: number, count: number) {
    this.#from = from
    this.spanMs = spanMs
    this.sums = Array.from({ length: count }, () => 0)
  }

  /** Adds `amount` at one moment. */
  addAt(at: number, amount: number): void {
    const index = Math.floor((at - this.#from) / this.spanMs)
    if (index >= 0 && index < this.sums.length) this.sums[index] = (this.sums[index] ?? 0) + amount
  }

  /** Adds `amount` evenly spread over a time. */
  addOver(from: number, to: number, amount: number): void {
    if (to <= from) return this.addAt(from, amount)
    const position = (at: number) => (at - this.#from) / this.spanMs
    const [first, last] = [Math.max(0, position(from)), Math.min(this.sums.length, position(to))]
    const perSpan = amount / (position(to) - position(from))
    for (let index = Math.floor(first); index < last; index++) {
      const share = Math.min(index + 1, last) - Math.max(index, first)
      if (share > 0) this.sums[index] = (this.sums[index] ?? 0) + perSpan * share
    }
  }

  perSecond(): number[] {
    return this.sums.map((sum) => (sum * 1000) / this.spanMs)
  }
}
