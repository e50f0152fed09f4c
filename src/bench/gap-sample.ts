/** Gaps that are kept; of more, each is as likely to be among them. */
const mostKept = 200_000

/** Times between pieces of all answers: there may be millions, so that only a sample is kept (algorithm R). */
export class GapSample {
  seen = 0
  readonly #random: () => number
  #kept = new Float64Array(1024)
  #count = 0

  constructor(random: () => number) {
    this.#random = random
  }

  add(milliseconds: number): void {
    this.seen++
    if (this.#count < mostKept) {
      if (this.#count === this.#kept.length) this.#grow()
      this.#kept[this.#count++] = milliseconds
      return
    }
    const place = Math.floor(this.#random() * this.seen)
    if (place < mostKept) this.#kept[place] = milliseconds
  }

  values(): Float64Array {
    return this.#kept.subarray(0, this.#count)
  }

  #grow(): void {
    const larger = new Float64Array(Math.min(mostKept, this.#kept.length * 2))
    larger.set(this.#kept)
    this.#kept = larger
  }
}
