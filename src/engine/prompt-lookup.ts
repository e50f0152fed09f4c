import type { StepCost } from './step-cost.ts'

const gramLength = 3
export const mostGuessed = 16
/** After a wrong guess, how many tokens pass before the next one where guesses seldom hold. */
const pauseTokens = 32

/**
 * Speculation without a second model: where the last tokens stood in the text before, what followed them there is
 * taken as a guess of what follows now (prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding).
 * A guess is evaluated together with the token before it and kept only as far as the sampler itself chooses the same
 * tokens, so answers are those of plain decoding.
 */
export class PromptLookup {
  readonly #tokens: number[]
  /** Where each run of `gramLength` tokens was last followed by something, by a hash of the run. */
  readonly #followedAt = new Map<number, number>()
  #acceptance = 0.7
  #resumeAt = 0

  constructor(prompt: Int32Array) {
    this.#tokens = [...prompt]
    for (let end = gramLength; end < this.#tokens.length; end++) this.#index(end)
  }

  /** The run before `end` is followed by the token at `end`. */
  #index(end: number): void {
    this.#followedAt.set(this.#gramBefore(end), end)
  }

  #gramBefore(end: number): number {
    let hash = 0
    for (let at = end - gramLength; at < end; at++) hash = (Math.imul(hash, 0x01000193) ^ (this.#tokens[at] ?? 0)) | 0
    return hash
  }

  push(token: number): void {
    this.#tokens.push(token)
    if (this.#tokens.length > gramLength) this.#index(this.#tokens.length - 1)
  }

  /**
   * Tokens that may follow, at most `room`; none where guessing does not pay. `batched` is how many tokens the step has
   * without them: the fuller it is, the more each further one costs in comparison.
   */
  guess(room: number, batched: number, cost: StepCost): number[] {
    const { length } = this.#tokens
    if (length < gramLength || length < this.#resumeAt) return []
    const from = this.#followedAt.get(this.#gramBefore(length))
    if (from === undefined || from >= length) return []
    const most = Math.min(room, mostGuessed, length - from)
    const count = this.#worthwhile(most, batched, cost)
    return this.#tokens.slice(from, from + count)
  }

  /** The number of guesses that makes the most tokens a millisecond, after how often they have held so far. */
  #worthwhile(most: number, batched: number, cost: StepCost): number {
    const base = Math.max(cost.of(Math.max(1, batched)), 1e-6)
    // This request pays for its share of the step, and alone for its guesses.
    const share = base / Math.max(1, batched)
    let best = 0
    let bestRate = 1 / share
    let expected = 1
    let holds = 1
    for (let count = 1; count <= most; count++) {
      holds *= this.#acceptance
      expected += holds
      const rate = expected / (share + count * cost.perToken)
      if (rate > bestRate) {
        best = count
        bestRate = rate
      }
    }
    return best
  }

  /** How many of the tokens guessed last were right. */
  settle(guessed: number, right: number): void {
    if (guessed === 0) return
    const outcome = right / guessed
    this.#acceptance += (outcome - this.#acceptance) * 0.25
    if (this.#acceptance >= 0.2) return
    // Guessing has stopped paying: try again a little later, and once more with an open mind.
    this.#resumeAt = this.#tokens.length + pauseTokens
    this.#acceptance = 0.5
  }
}
