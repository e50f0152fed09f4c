import { InferloomError } from '../canonical/errors.ts'
import type { Pointer } from './binding/abi.ts'
import type { Candidates } from './binding/candidates.ts'
import type { LoadedModel } from './binding/model.ts'
import type { Job } from './protocol.ts'
import { samplerFor } from './sampling.ts'

/** Chooses the tokens of one choice: a native sampler chain, and a grammar that may forbid what the chain likes. */
export class TokenSampler {
  readonly #model: LoadedModel
  readonly #candidates: Candidates
  readonly #chain: Pointer
  readonly #grammar: Pointer | undefined

  constructor(model: LoadedModel, candidates: Candidates, job: Job, choice: number, forbidden: readonly number[]) {
    this.#model = model
    this.#candidates = candidates
    const { llama, vocabulary, contextTokens } = model
    if (job.grammar !== undefined) this.#grammar = grammarSampler(model, job.grammar)
    this.#chain = samplerFor(llama, vocabulary, contextTokens, job, choice, forbidden)
  }

  /** The token that follows one output of the last evaluation; undefined when the grammar allows none. */
  sample(row: number): number | undefined {
    const { llama, context } = this.#model
    if (this.#grammar === undefined) return llama.samplerSample(this.#chain, context, row)
    return this.#sampleWithGrammar(row, this.#grammar)
  }

  // Asking the grammar about every token of the vocabulary is slow, about the one that was chosen is not; only when it
  // refuses that one is the choice made again among those it allows. The distribution is not changed by it at greedy
  // and near it otherwise, as in llama.cpp's own programs (common/sampling.cpp).
  #sampleWithGrammar(row: number, grammar: Pointer): number | undefined {
    const { llama } = this.#model
    const candidates = this.#candidates
    candidates.fill(row)
    candidates.apply(this.#chain)
    let token = candidates.selected
    candidates.fillOne(token)
    candidates.apply(grammar)
    if (!candidates.anyAllowed) {
      candidates.fill(row)
      candidates.apply(grammar)
      if (!candidates.anyAllowed) return undefined
      candidates.apply(this.#chain)
      token = candidates.selected
    }
    llama.samplerAccept(this.#chain, token)
    llama.samplerAccept(grammar, token)
    return token
  }

  free(): void {
    const { llama } = this.#model
    llama.samplerFree(this.#chain)
    if (this.#grammar !== undefined) llama.samplerFree(this.#grammar)
  }
}

/** Throws `invalid_value` for a grammar that llama.cpp cannot read. Free it with `samplerFree`. */
export function grammarSampler({ llama, vocab }: LoadedModel, grammar: string): Pointer {
  const sampler = llama.samplerGrammar(vocab, grammar, 'root')
  if (sampler) return sampler
  const message = 'The grammar does not parse, or has no rule named root.'
  throw new InferloomError('invalid_value', message, { param: 'grammar' })
}
