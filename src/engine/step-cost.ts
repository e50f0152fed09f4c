/** A step weighs half after this many others. */
const halfLife = 200
const decay = 0.5 ** (1 / halfLife)

/**
 * What an evaluation of so many tokens takes on this machine, learnt from those that were: a line fitted by least
 * squares in which older steps weigh less. Milliseconds.
 */
export class StepCost {
  #weight = 0
  #x = 0
  #y = 0
  #xx = 0
  #xy = 0

  observe(tokens: number, milliseconds: number): void {
    this.#weight = this.#weight * decay + 1
    this.#x = this.#x * decay + tokens
    this.#y = this.#y * decay + milliseconds
    this.#xx = this.#xx * decay + tokens * tokens
    this.#xy = this.#xy * decay + tokens * milliseconds
  }

  /** Milliseconds that each further token adds; a share of the mean until steps of different sizes were seen. */
  get perToken(): number {
    if (this.#weight === 0) return 0
    const meanX = this.#x / this.#weight
    const meanY = this.#y / this.#weight
    const spread = this.#xx / this.#weight - meanX * meanX
    const slope = spread > 0.5 ? (this.#xy / this.#weight - meanX * meanY) / spread : 0
    // A step of more tokens never takes less, and tokens together never take longer than one by one.
    return Math.min(Math.max(slope, (meanY / Math.max(1, meanX)) * 0.05), meanY / Math.max(1, meanX))
  }

  of(tokens: number): number {
    if (this.#weight === 0) return 0
    const meanX = this.#x / this.#weight
    return Math.max(0, this.#y / this.#weight + this.perToken * (tokens - meanX))
  }
}
