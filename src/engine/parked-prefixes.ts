import type { LoadedModel } from './binding/model.ts'
import { PrefixTree, type Shared } from './prefix-tree.ts'

interface Parked {
  readonly tokens: Int32Array
  readonly state: Uint8Array
}

/**
 * Evaluated prefixes in ordinary memory: out of the way of every attention step, and copied back in a few milliseconds
 * where evaluating them anew takes hundreds. Bounded by bytes; least recently used ones go first.
 */
export class ParkedPrefixes {
  readonly #model: LoadedModel
  readonly #most: number
  readonly #tree = new PrefixTree()
  /** Least recently used first. */
  readonly #parked = new Map<number, Parked>()
  #bytes = 0
  #nextId = 1

  constructor(model: LoadedModel, mostBytes: number) {
    this.#model = model
    this.#most = mostBytes
  }

  get count(): number {
    return this.#parked.size
  }

  get bytes(): number {
    return this.#bytes
  }

  longest(tokens: Int32Array): Shared | undefined {
    return this.#tree.longest(tokens)
  }

  lengthOf(id: number): number {
    return this.#tree.lengthOf(id)
  }

  /** Copies a sequence out of the cache, which holds exactly these tokens. */
  park(sequence: number, tokens: Int32Array): void {
    if (this.#tree.longest(tokens)?.length === tokens.length) return
    const { llama, context } = this.#model
    const size = llama.stateSequenceSize(context, sequence)
    if (size === 0 || size > this.#most) return
    for (const shorter of this.#tree.beginningsOf(tokens)) this.#forget(shorter)
    for (const id of this.#parked.keys()) {
      if (this.#bytes + size <= this.#most) break
      this.#forget(id)
    }
    const state = new Uint8Array(size)
    if (llama.stateSequenceGet(context, state, size, sequence) === size) this.add(tokens, state)
  }

  add(tokens: Int32Array, state: Uint8Array): void {
    if (this.#bytes + state.length > this.#most) return
    const id = this.#nextId++
    this.#tree.insert(id, tokens)
    this.#parked.set(id, { tokens, state })
    this.#bytes += state.length
  }

  /** Copies the first `length` tokens back into an empty sequence. Returns whether they are there. */
  restore(id: number, sequence: number, length: number): boolean {
    const parked = this.#parked.get(id)
    if (!parked) return false
    const { llama, context, memory } = this.#model
    const read = llama.stateSequenceSet(context, parked.state, parked.state.length, sequence)
    if (read !== parked.state.length) {
      llama.sequenceRemove(memory, sequence, -1, -1)
      this.#forget(id)
      return false
    }
    llama.sequenceRemove(memory, sequence, length, -1)
    this.#parked.delete(id)
    this.#parked.set(id, parked)
    return true
  }

  /** Most recently used first. */
  entries(): Parked[] {
    return [...this.#parked.values()].toReversed()
  }

  #forget(id: number): void {
    const parked = this.#parked.get(id)
    if (!parked) return
    this.#parked.delete(id)
    this.#tree.remove(id)
    this.#bytes -= parked.state.length
  }
}
