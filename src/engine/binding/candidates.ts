import koffi from 'koffi'
import type { Pointer } from './abi.ts'
import { logitsOf, type LoadedModel } from './model.ts'

const bytesPerCandidate = 12 // struct llama_token_data: int32 id, float logit, float p

/**
 * A `llama_token_data_array` in memory of our own, for the samplers that are applied one by one:
 * `{ data: pointer, size: size_t, selected: int64, sorted: bool }`.
 */
export class Candidates {
  readonly #model: LoadedModel
  readonly #ids: Int32Array
  readonly #logits: Float32Array
  readonly #head = new BigInt64Array(new ArrayBuffer(32))
  readonly #memory: Uint8Array

  constructor(model: LoadedModel) {
    this.#model = model
    const data = new ArrayBuffer(model.vocabulary * bytesPerCandidate) // off V8's heap, where it never moves
    this.#ids = new Int32Array(data)
    this.#logits = new Float32Array(data)
    this.#head[0] = koffi.address(this.#ids)
    this.#memory = new Uint8Array(this.#head.buffer)
  }

  /** Every token with its logit at one output of the last evaluation. */
  fill(row: number): void {
    const logits = logitsOf(this.#model, row)
    const ids = this.#ids
    const into = this.#logits
    for (let token = 0, at = 0; token < logits.length; token++, at += 3) {
      ids[at] = token
      into[at + 1] = logits[token] ?? 0
      into[at + 2] = 0
    }
    this.#begin(logits.length)
  }

  /** This token alone. */
  fillOne(token: number): void {
    this.#ids[0] = token
    this.#logits[1] = 0
    this.#logits[2] = 0
    this.#begin(1)
  }

  #begin(size: number): void {
    this.#head[1] = BigInt(size)
    this.#head[2] = -1n
    this.#head[3] = 0n
  }

  apply(sampler: Pointer): void {
    this.#model.llama.samplerApply(sampler, this.#memory)
  }

  /** Whether a sampler has left any candidate that is not ruled out. */
  get anyAllowed(): boolean {
    const size = Number(this.#head[1])
    for (let at = 1; at < size * 3; at += 3) if (this.#logits[at] !== -Infinity) return true
    return false
  }

  get selected(): number {
    return this.#ids[Number(this.#head[2]) * 3] ?? -1
  }
}
