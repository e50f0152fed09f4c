import koffi from 'koffi'
import { InferloomError } from '../../canonical/errors.ts'
import type { Pointer } from './abi.ts'
import { fusedHeadSize } from '../cache-size.ts'
import { useAdapters } from './adapters.ts'
import { headSize, openBatch, type BatchBuffers, type LoadedModel } from './model.ts'

// enum llama_pooling_type
const pooling = { none: 0, mean: 1, rank: 4 }
// enum llama_flash_attn_type
const flashAttention = { auto: -1, off: 0 }

// enum ggml_type. With weights in F32, what else is in the batch moves a vector by 6e-6 over an F16 cache and by 1e-7
// over an F32 one; kernels of GPUs get the F16 one, which all of them take, and so do inputs too long for the other.
const valueType = { f32: 0, f16: 1 }

/** Sequences in one evaluation; more gain nothing, and models with a recurrent state keep one of each. */
export const mostSequences = 64
/** Beyond this the attention scores and the cache of a batch are large. */
const shortTokens = 2048
/** The most memory that all of this may take, as a share of what is free. */
const memoryShare = 0.5

/**
 * A second context over a loaded model: it gives one vector, or the scores, of each sequence of a batch.
 *
 * Pooling needs a sequence in one evaluation, so the context is as large as the longest input so far. llama.cpp
 * computes the logits of every token beside the vectors where a model has them: small batches keep that affordable.
 */
export class EmbeddingContext {
  readonly #model: LoadedModel
  readonly #threads: number
  readonly #poolingType: number
  readonly #smallest: number
  #open: { context: Pointer; capacity: number; batch: BatchBuffers } | undefined
  /** Whether the model gives scores of a query and a document together, and no vectors. */
  readonly ranks: boolean
  /** Values of a sequence. */
  readonly width: number
  /** Tokens that one sequence may have. */
  readonly longest: number

  constructor(model: LoadedModel, threads: number) {
    const { llama } = model
    this.#model = model
    this.#threads = threads
    this.#poolingType = poolingOf(model)
    this.#smallest = model.batchTokens
    this.ranks = this.#poolingType === pooling.rank
    this.width = this.ranks ? llama.modelScores(model.model) : llama.modelEmbeddingOut(model.model)
    let longest = model.contextTokens
    const free = llama.devices().reduce((most, device) => Math.max(most, device.memoryFree), 0)
    while (longest > this.#smallest && bytesFor(model, longest) > free * memoryShare) longest = Math.floor(longest / 2)
    this.longest = longest
  }

  /** Tokens that fit in one evaluation now; a longer sequence alone makes room for itself. */
  get capacity(): number {
    return this.#open?.capacity ?? this.#smallest
  }

  /** The values of each sequence, in their order; at most `mostSequences`. */
  evaluate(sequences: readonly Int32Array[]): Float32Array[] {
    const { context, batch } = this.#roomFor(sequences.reduce((sum, tokens) => sum + tokens.length, 0))
    const { llama } = this.#model
    let row = 0
    for (const [sequence, tokens] of sequences.entries()) {
      batch.token.set(tokens, row)
      batch.sequence.fill(sequence, row, row + tokens.length)
      for (let position = 0; position < tokens.length; position++) batch.position[row++] = position
    }
    batch.wantsLogits.fill(1, 0, row)
    batch.native.n_tokens = row
    if (llama.hasMemory(context)) llama.memoryClear(llama.memory(context), false)
    const encodes = llama.modelHasEncoder(this.#model.model)
    const status = encodes ? llama.encode(context, batch.native) : llama.decode(context, batch.native)
    if (status !== 0) throw new InferloomError('engine_failed', `Embedding failed in llama.cpp with status ${status}.`)
    return sequences.map((_, sequence) => this.#valuesOf(context, sequence))
  }

  #valuesOf(context: Pointer, sequence: number): Float32Array {
    const pointer = this.#model.llama.embeddingOf(context, sequence)
    if (!pointer) throw new InferloomError('engine_failed', `llama.cpp gave no embedding of sequence ${sequence}.`)
    // The memory behind it belongs to the context and is written anew by the next evaluation, hence the copy.
    return new Float32Array(koffi.view(pointer, this.width * 4)).slice()
  }

  /** A score from 0 to 1, from what a model that ranks gave of one pair. */
  scoreOf(values: Float32Array): number {
    const [first = 0] = values
    if (values.length === 1) return 1 / (1 + Math.exp(-first))
    const { llama, model } = this.#model
    const labels = Array.from(values, (_, index) => llama.modelScoreLabel(model, index)?.toLowerCase())
    const chosen = values[Math.max(0, labels.indexOf('yes'))] ?? 0
    const sum = values.reduce((total, value) => total + value, 0)
    // Some architectures end in a softmax and others do not; what adds up to 1 is taken for probabilities.
    if (Math.abs(sum - 1) < 1e-3 && values.every((value) => value >= 0)) return chosen
    return 1 / values.reduce((total, value) => total + Math.exp(value - chosen), 0)
  }

  #roomFor(tokens: number) {
    if (this.#open && tokens <= this.#open.capacity) return this.#open
    const { llama, model } = this.#model
    const wanted = Math.max(this.#smallest, 2 ** Math.ceil(Math.log2(tokens)))
    if (this.#open) llama.contextFree(this.#open.context)
    this.#open = undefined
    const fused = isFused(this.#model, wanted)
    const cacheType = isCompact(this.#model, wanted) ? valueType.f16 : valueType.f32
    const context = llama.contextInit(model, {
      ...llama.contextDefaultParams(),
      n_ctx: wanted,
      n_batch: wanted,
      n_ubatch: wanted,
      n_seq_max: mostSequences,
      n_threads: this.#threads,
      n_threads_batch: this.#threads,
      flash_attn_type: fused ? flashAttention.auto : flashAttention.off,
      kv_unified: true,
      type_k: cacheType,
      type_v: cacheType,
      embeddings: true,
      pooling_type: this.#poolingType,
    })
    if (!context) {
      const message = `There is not memory enough to embed ${tokens} tokens at once. Remedy: send shorter inputs.`
      throw new InferloomError('context_length_exceeded', message)
    }
    useAdapters(llama, context, this.#model.adapters)
    // Buffers of a smaller batch stay behind: their sizes double, so that they come to less than the last one.
    this.#open = { context, capacity: wanted, batch: openBatch(llama, wanted) }
    return this.#open
  }
}

/** What the model was made with; models that generate say nothing, and the mean of their last layer is usual. */
function poolingOf({ llama, model }: LoadedModel): number {
  const value = (key: string) => {
    const into = new Uint8Array(128)
    const length = llama.modelMetadata(model, key, into, into.length)
    return length < 0 ? undefined : Buffer.from(into.buffer, 0, Math.min(length, into.length)).toString()
  }
  const named = Number(value(`${value('general.architecture')}.pooling_type`) ?? pooling.none)
  return Number.isInteger(named) && named > pooling.none ? named : pooling.mean
}

function isCompact({ llama }: LoadedModel, tokens: number): boolean {
  return tokens > shortTokens || llama.devices().some(({ type }) => type === 1 || type === 2)
}

function isFused(loaded: LoadedModel, tokens: number): boolean {
  return isCompact(loaded, tokens) || headSize(loaded.llama, loaded.model) >= fusedHeadSize
}

/** What an evaluation of so many tokens needs, from the largest things in it: scores, logits, activations, cells. */
function bytesFor(loaded: LoadedModel, tokens: number): number {
  const { llama, model, context, vocabulary } = loaded
  const embedding = llama.modelEmbedding(model)
  const heads = llama.modelHeads(model)
  const scores = tokens * tokens * (isFused(loaded, tokens) ? 4 + 2 : 4 + 4 * heads)
  const activations = tokens * embedding * 4 * 8
  if (!llama.hasMemory(context)) return scores + activations
  const cells =
    tokens *
    2 *
    llama.modelLayers(model) *
    llama.modelHeadsKv(model) *
    headSize(llama, model) *
    (isCompact(loaded, tokens) ? 2 : 4)
  return scores + activations + cells + tokens * vocabulary * 4 * 2
}
