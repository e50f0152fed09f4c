/** A step weighs half after this many others. */
const halfLife = 200
const decay = 0.5 ** (1 / halfLife)

/** Steps of so few tokens are remembered one size at a time: their cost is no line, two tokens may take as long as six. */
const mostRemembered = 64
/** How much the latest step of a size says about it: less where it took longer, since something may have disturbed it. */
const freshness = 0.1
const freshnessOfFaster = 0.5
/** A size is known once it was seen so often; after so many steps each has to be seen anew. */
const timesUntilKnown = 3
const forgottenAfter = 4096
/** What each further token adds at best, as a share of what one costs in the largest step that is known. */
const hopedShare = 0.2

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
  readonly #seen = new Map<number, number>()
  #steps = 0

  observe(tokens: number, milliseconds: number): void {
    if (tokens <= mostRemembered) {
      const before = this.#ofSize[tokens] ?? milliseconds
      const weight = milliseconds < before ? freshnessOfFaster : freshness
      this.#ofSize[tokens] = before + (milliseconds - before) * weight
      this.#seen.set(tokens, (this.#seen.get(tokens) ?? 0) + 1)
      if (++this.#steps % forgottenAfter === 0) this.#seen.clear()
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
    const below = this.#nearest(tokens, -1, 1)
    const above = this.#nearest(tokens, 1, 1)
    if (below === undefined || above === undefined) return this.#line(tokens)
    return this.#between(below, above, tokens)
  }

  /** As `of`, but the best that can be hoped of sizes that were hardly seen: who never tries them never knows. */
  atBest(tokens: number): number {
    const below = this.#nearest(tokens, -1, timesUntilKnown)
    if (below === undefined || (this.#seen.get(tokens) ?? 0) >= timesUntilKnown) return this.of(tokens)
    const above = this.#nearest(tokens, 1, timesUntilKnown)
    if (above !== undefined) return this.#between(below, above, tokens)
    return (this.#ofSize[below] ?? 0) * (1 + ((tokens - below) / below) * hopedShare)
  }

  #between(below: number, above: number, tokens: number): number {
    const [from = 0, to = 0] = [this.#ofSize[below], this.#ofSize[above]]
    return from + ((to - from) * (tokens - below)) / (above - below)
  }

  /** The nearest size on one side that was seen so often. */
  #nearest(tokens: number, direction: 1 | -1, times: number): number | undefined {
    for (let size = tokens + direction; size >= 1 && size <= mostRemembered; size += direction)
      if (this.#ofSize[size] !== undefined && (times === 1 || (this.#seen.get(size) ?? 0) >= times)) return size
    return undefined
  }

  #line(tokens: number): number {
    if (this.#weight === 0) return 0
    const meanX = this.#x / this.#weight
    return Math.max(0, this.#y / this.#weight + this.perToken * (tokens - meanX))
  }
}
