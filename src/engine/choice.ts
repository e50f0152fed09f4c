import type { FinishReason, TokenLogprobs } from '../canonical/events.ts'
import type { Job } from './protocol.ts'
import type { PromptLookup } from './prompt-lookup.ts'
import { StopStrings } from './stop-strings.ts'
import type { TokenSampler } from './token-sampler.ts'
import type { Tokenizer } from './tokenizer.ts'
import { Utf8Assembler } from './utf8.ts'

export interface Emission {
  readonly text: string
  readonly logprobs: readonly TokenLogprobs[]
}

/** One answer being written: a sequence in the KV cache, its sampler, and the text not yet given out. */
export class Choice {
  readonly index: number
  sequence: number
  readonly sampler: TokenSampler
  /** Guesses what comes next; absent where guessing cannot pay. */
  readonly lookup: PromptLookup | undefined
  /** Every token sampled so far. */
  readonly tokens: number[] = []
  /** Of these, the ones whose text was given out, or comes with what is given out next. */
  told = 0
  /** The token to evaluate next, and where in the sequence it stands. */
  nextToken = 0
  position = 0
  finishReason: FinishReason | undefined

  readonly #utf8 = new Utf8Assembler()
  readonly #stops: StopStrings
  /** Log probabilities wait for their token's text: `end` is where in the whole text that ends. */
  #waiting: { end: number; logprobs: TokenLogprobs }[] = []
  #assembled = 0
  #emitted = 0

  readonly #specialText: boolean

  constructor(index: number, sequence: number, job: Job, how: { sampler: TokenSampler; lookup?: PromptLookup }) {
    this.index = index
    this.sequence = sequence
    this.sampler = how.sampler
    this.lookup = how.lookup
    this.#stops = new StopStrings(job.stop)
    this.#specialText = job.specialText ?? false
  }

  get outputTokens(): number {
    return this.tokens.length
  }

  /** Takes a sampled token that is not the end; returns what may be shown now. */
  accept(token: number, tokenizer: Tokenizer, logprobs: TokenLogprobs | undefined): Emission {
    const text = this.#textOf(token, tokenizer)
    this.#assembled += text.length
    if (logprobs) this.#waiting.push({ end: this.#assembled, logprobs })
    const through = this.#stops.push(text)
    if (this.#stops.stopped) this.finishReason = 'stop'
    return this.#emit(through)
  }

  #textOf(token: number, tokenizer: Tokenizer): string {
    if (this.#specialText) return this.#utf8.push(tokenizer.bytesWithSpecial(token))
    const whole = this.#utf8.empty ? tokenizer.wholeText(token) : null
    return whole ?? this.#utf8.push(tokenizer.bytes(token))
  }

  /** What was held back in case a character or a stop string would complete; nothing after a stop string. */
  flush(): Emission {
    if (this.#stops.stopped) return this.#emit('')
    const rest = this.#stops.push(this.#utf8.flush())
    return this.#emit(this.#stops.stopped ? rest : rest + this.#stops.flush(), true)
  }

  #emit(text: string, last = false): Emission {
    this.#emitted += text.length
    if (this.#waiting.length === 0) return { text, logprobs: none }
    const upTo = last ? Infinity : this.#emitted
    const ready = this.#waiting.findIndex(({ end }) => end > upTo)
    const taken = this.#waiting.splice(0, ready === -1 ? this.#waiting.length : ready)
    return { text, logprobs: taken.map((entry) => entry.logprobs) }
  }
}

const none: readonly TokenLogprobs[] = []
