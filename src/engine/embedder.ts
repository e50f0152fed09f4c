import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import { EmbeddingContext, mostSequences } from './binding/embedding-context.ts'
import type { LoadedModel } from './binding/model.ts'
import { EmbedInputs } from './embed-input.ts'
import type { EmbedJob, EmbeddedPart, EmbeddingStats, LoadOptions } from './protocol.ts'
import type { Tokenizer } from './tokenizer.ts'

interface Waiting {
  readonly job: EmbedJob
  /** The next of its inputs; −1 is a query that is embedded before the documents it is compared with. */
  next: number
  /** Tokens of that input once they were asked for. */
  tokens?: Int32Array
  query?: Float32Array
}

interface Slot {
  readonly waiting: Waiting
  readonly index: number
  readonly tokens: Int32Array
}

export interface EmbedStep {
  readonly parts: EmbeddedPart[]
  readonly refused: { readonly id: number; readonly error: unknown }[]
}

/** Embeds the inputs of all waiting jobs, many in one evaluation: one of each job in turn, so that none waits for another's end. */
export class Embedder {
  readonly #context: EmbeddingContext
  readonly #inputs: EmbedInputs
  readonly #besideDecoding: number
  #waiting: Waiting[] = []
  #stats = { evaluations: 0, inputs: 0, tokens: 0, evaluateMs: 0 }

  constructor(model: LoadedModel, tokenizer: Tokenizer, { threads, prefillChunkTokens }: LoadOptions) {
    this.#besideDecoding = prefillChunkTokens
    this.#context = new EmbeddingContext(model, threads)
    this.#inputs = new EmbedInputs(model, tokenizer, this.#context.longest)
  }

  get idle(): boolean {
    return this.#waiting.length === 0
  }

  /** Whether one evaluation is full already, so that waiting for more to share it gains nothing. */
  get full(): boolean {
    return this.#waiting.reduce((sum, { job }) => sum + job.inputs.length, 0) >= mostSequences
  }

  stats(): EmbeddingStats {
    return { ...this.#stats, waiting: this.#waiting.length }
  }

  /** Takes a job in. Throws at once when this model can never do it. */
  add(job: EmbedJob): void {
    const { ranks, width } = this.#context
    if (ranks && job.query === undefined) {
      const message = 'This model scores documents and has no embeddings. Remedy: use /v1/rerank, or another model.'
      throw new InferloomError('invalid_value', message, { param: 'model' })
    }
    if (job.dimensions !== undefined && job.dimensions > width) {
      const message = `dimensions is ${job.dimensions}; this model's embeddings have ${width}.`
      throw new InferloomError('invalid_value', message, { param: 'dimensions' })
    }
    this.#waiting.push({ job, next: job.query !== undefined && !ranks ? -1 : 0 })
  }

  cancel(id: number): void {
    this.#waiting = this.#waiting.filter(({ job }) => job.id !== id)
  }

  /**
   * Evaluates one batch and gives out what it brought. While others are decoding it has no more tokens than a chunk of
   * a prompt, so that their gaps stay short; one input is never divided.
   */
  step(decoding: boolean): EmbedStep {
    const result: EmbedStep = { parts: [], refused: [] }
    const { capacity } = this.#context
    const slots = this.#fill(decoding ? Math.min(this.#besideDecoding, capacity) : capacity, result)
    if (slots.length === 0) return result
    const began = performance.now()
    let values: Float32Array[]
    try {
      values = this.#context.evaluate(slots.map(({ tokens }) => tokens))
    } catch (error) {
      if (asInferloomError(error).code !== 'context_length_exceeded') throw error
      for (const { job } of new Set(slots.map(({ waiting }) => waiting))) {
        result.refused.push({ id: job.id, error })
        this.cancel(job.id)
      }
      return result
    }
    this.#stats.evaluateMs += performance.now() - began
    this.#stats.evaluations++
    this.#stats.inputs += slots.length
    for (const { tokens } of slots) this.#stats.tokens += tokens.length
    const byJob = Map.groupBy(
      slots.map((slot, row) => ({ ...slot, values: values[row] ?? new Float32Array(0) })),
      ({ waiting }) => waiting,
    )
    for (const [waiting, own] of byJob) result.parts.push(this.#partOf(waiting, own))
    return result
  }

  /** Takes one input of each job in turn until the next does not fit; that one goes first the next time. */
  #fill(room: number, { refused }: EmbedStep): Slot[] {
    const slots: Slot[] = []
    let left = room
    for (let waiting = this.#waiting[0]; waiting && slots.length < mostSequences; waiting = this.#waiting[0]) {
      try {
        waiting.tokens ??= this.#tokensOf(waiting)
      } catch (error) {
        refused.push({ id: waiting.job.id, error })
        this.#waiting.shift()
        continue
      }
      if (slots.length > 0 && waiting.tokens.length > left) break
      left -= waiting.tokens.length
      slots.push({ waiting, index: waiting.next++, tokens: waiting.tokens })
      delete waiting.tokens
      this.#waiting.shift()
      if (waiting.next < waiting.job.inputs.length) this.#waiting.push(waiting)
    }
    return slots
  }

  #tokensOf({ job, next }: Waiting): Int32Array {
    if (job.query === undefined) return this.#inputs.tokens(job, next)
    if (this.#context.ranks) return this.#inputs.pair(job, job.query, next)
    return next === -1 ? this.#inputs.query(job.query) : this.#inputs.tokens(job, next)
  }

  #partOf(waiting: Waiting, slots: readonly (Slot & { values: Float32Array })[]): EmbeddedPart {
    const { job } = waiting
    const answers: Float32Array[] = []
    for (const { index, values } of slots) {
      if (job.query !== undefined && this.#context.ranks) answers.push(Float32Array.of(this.#context.scoreOf(values)))
      else if (index === -1) waiting.query = normalised(values)
      else if (waiting.query) answers.push(Float32Array.of(similarity(waiting.query, normalised(values))))
      else answers.push(normalised(values.subarray(0, job.dimensions)))
    }
    return {
      id: job.id,
      first: Math.max(0, slots[0]?.index ?? 0),
      count: answers.length,
      values: Buffer.concat(answers.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength))).toString(
        'base64',
      ),
      tokens: slots.reduce((sum, { tokens }) => sum + tokens.length, 0),
    }
  }
}

/** Scaled to length 1; summed in float64, so that long vectors lose nothing. */
function normalised(values: Float32Array): Float32Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return length > 0 ? values.map((value) => value / length) : values
}

/** The cosine of two vectors of length 1, moved from −1 … 1 to 0 … 1. */
function similarity(a: Float32Array, b: Float32Array): number {
  const cosine = a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
  return Math.min(1, Math.max(0, (1 + cosine) / 2))
}
