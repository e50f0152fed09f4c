import { InferloomError } from '../canonical/errors.ts'
import type { Functions, Pointer } from './binding/abi.ts'
import { contextOf, openBatch, type BatchBuffers } from './binding/model.ts'

/** What is evaluated to compare two settings. */
export interface Work {
  readonly promptTokens: number
  /** Steps of one sequence, and as many of four. */
  readonly steps: number
}

export interface ProbeSettings {
  readonly threads: number
  readonly batchTokens: number
  readonly flashAttention: boolean
}

/** Sequences in the steps of several. */
export const together = 4

/** A small context over a loaded model, to measure in; nothing that a request needs is touched. */
export class Probe {
  readonly #llama: Functions
  readonly #context: Pointer
  readonly #memory: Pointer
  readonly #batch: BatchBuffers
  readonly #vocabulary: number
  readonly #batchTokens: number
  #position = 0
  #seed = 1

  constructor(llama: Functions, model: Pointer, settings: ProbeSettings & { readonly cells: number }) {
    const context = contextOf(llama, model, { ...settings, sequences: together })
    if (!context) throw new InferloomError('engine_failed', 'There is no memory to measure this model in.')
    this.#llama = llama
    this.#context = context
    this.#memory = llama.memory(context)
    this.#batch = batchFor(llama)
    this.#vocabulary = llama.vocabSize(llama.modelVocab(model))
    this.#batchTokens = settings.batchTokens
  }

  free(): void {
    this.#llama.contextFree(this.#context)
  }

  useThreads(threads: number): void {
    this.#llama.setThreads(this.#context, threads, threads)
  }

  /** Milliseconds for the work, or Infinity once it has taken more than `limitMs`. Pauses after each evaluation. */
  *run({ promptTokens, steps }: Work, limitMs = Infinity): Generator<void, number> {
    this.#llama.memoryClear(this.#memory, false)
    this.#position = 0
    let spent = 0
    for (let left = promptTokens; left > 0; left -= this.#batchTokens) {
      spent += this.#evaluate([0], Math.min(left, this.#batchTokens))
      yield
      if (spent > limitMs) return Infinity
    }
    for (const sequence of sequences.slice(1)) this.#llama.sequenceCopy(this.#memory, 0, sequence, -1, -1)
    for (let step = 0; step < 2 * steps; step++) {
      // Those of four come first, while all four sequences are equally long.
      spent += this.#evaluate(step < steps ? sequences : [0], 1)
      yield
      if (spent > limitMs) return Infinity
    }
    return spent
  }

  #evaluate(sequences: readonly number[], tokens: number): number {
    const { native, token, position, sequence, wantsLogits } = this.#batch
    let row = 0
    for (let offset = 0; offset < tokens; offset++) {
      for (const each of sequences) {
        // Tokens of all kinds: models with experts take the same ones for the same token.
        this.#seed = (this.#seed * 48_271) % 2_147_483_647
        token[row] = this.#seed % this.#vocabulary
        position[row] = this.#position + offset
        sequence[row] = each
        wantsLogits[row] = offset === tokens - 1 ? 1 : 0
        row++
      }
    }
    native.n_tokens = row
    this.#position += tokens
    const began = performance.now()
    const status = this.#llama.decode(this.#context, native)
    if (status !== 0) throw new InferloomError('engine_failed', `llama_decode failed with status ${status}.`)
    // On a GPU an evaluation ends when its logits are asked for.
    this.#llama.logits(this.#context, row - 1)
    return performance.now() - began
  }
}

const sequences = Array.from({ length: together }, (_, sequence) => sequence)

/** The largest batch that is tried. */
export const mostBatchTokens = 1024
let shared: BatchBuffers | undefined
/** A batch is never freed, so all probes of a process have the same one. */
function batchFor(llama: Functions): BatchBuffers {
  return (shared ??= openBatch(llama, mostBatchTokens))
}
