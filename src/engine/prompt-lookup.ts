import type { StepCost } from './step-cost.ts'

const gramLength = 3
/** With the token before them a step of 16, which kernels that take four or eight at a time have no rest of. */
export const mostGuessed = 15
/** Tokens in a row that stood there before: the more, the likelier what follows is the same too. */
const runLengths = [gramLength, 5, 8]
/** What is thought of guesses after such runs before any was made. */
const firstAcceptance = [0.25, 0.5, 0.8]

/** How often guesses have held on this model, for all requests together. */
export class GuessRecord {
  readonly #acceptance = [...firstAcceptance]

  of(run: number): number {
    return this.#acceptance[run] ?? 0
  }

  settle(run: number, guessed: number, right: number): void {
    // The wrong one ends the guess: those behind it say nothing.
    const tried = Math.min(guessed, right + 1)
    const before = this.of(run)
    this.#acceptance[run] = before + (right / tried - before) * (1 - 0.9 ** tried)
  }
}

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
  readonly #record: GuessRecord
  #run = 0
  #untold: number | undefined

  constructor(prompt: Int32Array, record: GuessRecord) {
    this.#tokens = [...prompt]
    this.#record = record
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
    // What would have been guessed, had it been worth it, tells for nothing whether guesses have begun to hold.
    if (this.#untold !== undefined) this.#record.settle(this.#run, 1, token === this.#untold ? 1 : 0)
    this.#untold = undefined
    this.#tokens.push(token)
    if (this.#tokens.length > gramLength) this.#index(this.#tokens.length - 1)
  }

  /**
   * Tokens that may follow, at most `room`; none where guessing does not pay. `batched` is how many tokens the step has
   * without them: the fuller it is, the more each further one costs in comparison.
   */
  guess(room: number, batched: number, cost: StepCost): number[] {
    const { length } = this.#tokens
    if (length < gramLength) return []
    const from = this.#followedAt.get(this.#gramBefore(length))
    if (from === undefined || from >= length) return []
    this.#run = this.#runBefore(from)
    const most = Math.min(room, mostGuessed)
    const count = bestCount(most, batched, cost, this.#record.of(this.#run))
    this.#untold = count === 0 ? this.#tokens[from] : undefined
    // What repeats itself goes on with what was just guessed: three equal tokens are followed by as many as there is room.
    const guessed = this.#tokens.slice(from, from + count)
    while (guessed.length < count) guessed.push(guessed[from + guessed.length - length] ?? 0)
    return guessed
  }

  /** Which of `runLengths` the tokens before `from` and the last ones have in common. */
  #runBefore(from: number): number {
    const longest = runLengths.at(-1) ?? 0
    let same = gramLength
    while (same < longest && same < from && this.#tokens[from - 1 - same] === this.#tokens.at(-1 - same)) same++
    return runLengths.findLastIndex((length) => same >= length)
  }

  /** How many of the tokens guessed last were right. */
  settle(guessed: number, right: number): void {
    this.#record.settle(this.#run, guessed, right)
  }
}

/** The number of guesses that makes the most tokens a millisecond where they hold this often; 0 where none pays. */
function bestCount(most: number, batched: number, cost: StepCost, acceptance: number): number {
  const base = Math.max(cost.of(Math.max(1, batched)), 1e-6)
  // This request pays for its share of the step, and alone for its guesses.
  const share = base / Math.max(1, batched)
  let best = 0
  let bestRate = 1 / share
  let expected = 1
  let holds = 1
  for (let count = 1; count <= most; count++) {
    holds *= acceptance
    expected += holds
    const rate = expected / (share + Math.max(0, cost.atBest(batched + count) - base))
    if (rate > bestRate) {
      best = count
      bestRate = rate
    }
  }
  return best
}
