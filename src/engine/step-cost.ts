/** A step weighs half after this many others. */
const halfLife = 200
const decay = 0.5 ** (1 / halfLife)

/** Steps of so few tokens are remembered one size at a time: their cost is no line, two tokens may take as long as six. */
const mostRemembered = 64
/** How much the latest step of a size says about it. */
const freshness = 0.1

/**
 * What an evaluation of so many tokens takes on this machine, learnt from those that were, in milliseconds: small ones by
 * their size, others by a line fitted by least squares in which older steps weigh less.
 */
export class StepCost {
  #weight = 0
  #x = 0
  #y = 0
  #xx = 0
  #xy = 0

  readonly #ofSize: (number | undefined)[] = []

  observe(tokens: number, milliseconds: number): void {
    if (tokens <= mostRemembered) {
      const before = this.#ofSize[tokens] ?? milliseconds
      this.#ofSize[tokens] = before + (milliseconds - before) * freshness
    }
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
    const known = this.#ofSize[tokens]
    if (known !== undefined) return known
    const below = this.#nearest(tokens, -1)
    const above = this.#nearest(tokens, 1)
    if (below === undefined || above === undefined) return this.#line(tokens)
    const [from = 0, to = 0] = [this.#ofSize[below], this.#ofSize[above]]
    return from + ((to - from) * (tokens - below)) / (above - below)
  }

  /** The nearest size on one side that was seen. */
  #nearest(tokens: number, direction: 1 | -1): number | undefined {
    for (let size = tokens + direction; size >= 1 && size <= mostRemembered; size += direction)
      if (this.#ofSize[size] !== undefined) return size
    return undefined
  }

  #line(tokens: number): number {
    if (this.#weight === 0) return 0
    const meanX = this.#x / this.#weight
    return Math.max(0, this.#y / this.#weight + this.perToken * (tokens - meanX))
  }
}
