import type { LoadedModel } from './binding/model.ts'
import { ParkedPrefixes } from './parked-prefixes.ts'
import { PrefixTree, type Shared } from './prefix-tree.ts'

/** What a request holds of the cache while it runs. */
export interface Lease {
  /** One per choice; the prompt is evaluated in the first. */
  readonly sequences: readonly number[]
  /** Tokens of the prompt that were there already. */
  readonly attached: number
  cells: number
  /** The sequence whose cells were attached to, which must stay as long. */
  readonly source: number | undefined
}

interface Kept {
  readonly tokens: Int32Array
  /** Cells that a twin holds as well, until nobody uses this one's. */
  debt: number
}

interface Found {
  readonly shared: Shared
  readonly where: 'running' | 'kept' | 'parked'
}

/** Sharing fewer tokens than this saves less than it costs to wait for them, or to keep them. */
const worthKeeping = 32

/**
 * The cells of the KV cache: who holds which tokens, and who may begin with those of another. In one cache for all,
 * copying a sequence copies no memory: its cells belong to both afterwards (llama_memory_seq_cp). Between streams it
 * copies them, which takes a fraction of evaluating them; there a finished request's prefix is parked at once.
 *
 * In one cache, a finished request's sequence is kept for the next one that begins alike. Least recently used ones go first, into
 * memory outside the cache (`ParkedPrefixes`), when cells or sequences are needed or more than `keepCells` are kept.
 */
export class KvCache {
  readonly #model: LoadedModel
  readonly #keepCells: number
  readonly #parked: ParkedPrefixes
  readonly #free: number[]
  readonly #running = new PrefixTree()
  readonly #evaluated = new Map<number, number>()
  readonly #keptTree = new PrefixTree()
  /** Least recently used first. */
  readonly #kept = new Map<number, Kept>()
  readonly #pins = new Map<number, number>()
  /** Streams between which a copy is still to be made, and those of them that are free after that. */
  readonly #lent = new Set<number>()
  #freeAfterStep: number[] = []
  #reserved = 0

  constructor(model: LoadedModel, parkedBytes: number) {
    this.#model = model
    this.#keepCells = model.keepCells
    this.#parked = new ParkedPrefixes(model, model.canShare ? parkedBytes : 0)
    this.#free = Array.from({ length: model.sequences }, (_, index) => index)
  }

  get reserved(): number {
    return this.#reserved
  }

  get used(): number {
    return this.#reserved + this.#keptTree.size
  }

  get keptSequences(): number {
    return this.#kept.size + this.#parked.count
  }

  get parked(): ParkedPrefixes {
    return this.#parked
  }

  /** Whether a running request is about to have much more of this prompt evaluated than can be shared now. */
  isPromised(prompt: Int32Array, mayWaitFor: (sequence: number) => boolean): boolean {
    if (!this.#model.canShare) return false
    const longest = this.#running.longest(prompt)
    if (!longest || !mayWaitFor(longest.holder)) return false
    const promised = Math.min(longest.length, prompt.length - 1)
    if (promised < worthKeeping || (this.#evaluated.get(longest.holder) ?? 0) >= promised) return false
    return promised - (this.#find(prompt)?.shared.length ?? 0) >= worthKeeping
  }

  #find(prompt: Int32Array): Found | undefined {
    if (!this.#model.canShare) return undefined
    const running = this.#running.longestAvailable(prompt, (sequence) => this.#evaluated.get(sequence) ?? 0)
    const kept = this.#keptTree.longest(prompt)
    const parked = this.#parked.longest(prompt)
    const length = (shared: Shared | undefined) => shared?.length ?? 0
    // What is in the cache costs nothing to share; what is parked has to be copied back.
    const inCache = length(kept) >= length(running) ? kept : running
    if (parked && parked.length >= length(inCache) + worthKeeping) return { shared: parked, where: 'parked' }
    return inCache && { shared: inCache, where: inCache === kept ? 'kept' : 'running' }
  }

  /** Takes sequences and cells for a request, and whatever of its prompt is there already; undefined when full. */
  open(prompt: Int32Array, choices: number, outputCells: number): Lease | undefined {
    const found = this.#find(prompt)
    // One token has to be evaluated, or there would be no logits to begin with.
    const attached = Math.min(found?.shared.length ?? 0, prompt.length - 1)
    const inCache = found !== undefined && found.where !== 'parked' && attached > 0
    const source = inCache ? found.shared.holder : undefined
    const cells = prompt.length - (inCache ? attached : 0) + outputCells
    // A parked prefix comes back whole, also what is beyond the part that is shared.
    const passing = found?.where === 'parked' ? Math.max(0, this.#parked.lengthOf(found.shared.holder) - cells) : 0
    if (!this.#makeRoom(cells + passing, choices, source)) return undefined
    // The lowest ones, in order: a step of sequences that follow each other is evaluated in one piece.
    const sequences = this.#free.splice(0, choices)
    const [first = 0] = sequences
    const { llama, memory, streams } = this.#model
    const restored = found?.where === 'parked' && this.#parked.restore(found.shared.holder, first, attached)
    if (source !== undefined && streams) {
      // The cells are copied when the next step begins, all of them: until then the source must not be written to.
      llama.sequenceCopy(memory, source, first, -1, -1)
      llama.sequenceRemove(memory, first, attached, -1)
      this.#lent.add(source).add(first)
    } else if (source !== undefined) {
      llama.sequenceCopy(memory, source, first, 0, attached)
      this.#pins.set(source, (this.#pins.get(source) ?? 0) + 1)
      this.#touch(source)
    }
    const there = source !== undefined || restored ? attached : 0
    this.#reserved += cells
    this.#running.insert(first, prompt)
    this.#evaluated.set(first, there)
    return { sequences, attached: there, cells, source: streams ? undefined : source }
  }

  /** Reserves more for one who runs. Returns whether there was room. */
  extend(lease: Lease, cells: number): boolean {
    if (!this.#makeRoom(cells, 0, undefined)) return false
    lease.cells += cells
    this.#reserved += cells
    return true
  }

  /** The first tokens of this sequence's prompt can be shared from now on. */
  setEvaluated(sequence: number, tokens: number): void {
    this.#evaluated.set(sequence, tokens)
  }

  /** Gives everything back; `tokens` is what the first sequence has evaluated, where it is worth keeping. */
  close({ sequences, cells, source }: Lease, tokens: Int32Array | undefined): void {
    const { llama, memory, canShare, streams } = this.#model
    const [first = 0, ...others] = sequences
    for (const sequence of others) {
      llama.sequenceRemove(memory, sequence, -1, -1)
      this.#giveBack(sequence)
    }
    this.#running.remove(first)
    this.#evaluated.delete(first)
    this.#reserved -= cells
    if (source !== undefined) this.#unpin(source)
    const worth = tokens !== undefined && (tokens.length >= worthKeeping || this.#pins.has(first))
    if (canShare && worth && streams) this.#parked.park(first, tokens)
    if (canShare && worth && !streams) this.#keep(first, tokens)
    else this.#drop(first)
    this.#trim()
  }

  /** A step has been evaluated: what was lent has been copied. */
  stepped(): void {
    if (this.#lent.size === 0) return
    this.#lent.clear()
    for (const sequence of this.#freeAfterStep.splice(0)) this.#giveBack(sequence)
  }

  /** Whether nobody holds anything in this sequence. */
  isFree(sequence: number): boolean {
    return this.#free.includes(sequence)
  }

  #giveBack(sequence: number): void {
    if (this.#lent.has(sequence)) return void this.#freeAfterStep.push(sequence)
    const at = this.#free.findIndex((other) => other > sequence)
    this.#free.splice(at === -1 ? this.#free.length : at, 0, sequence)
  }

  #keep(sequence: number, tokens: Int32Array): void {
    const { llama, memory } = this.#model
    const twin = this.#keptTree.longest(tokens)
    const pinned = this.#pins.has(sequence)
    if (twin?.length === tokens.length && !pinned) {
      this.#touch(twin.holder)
      return this.#drop(sequence)
    }
    for (const shorter of this.#keptTree.beginningsOf(tokens)) {
      if (!this.#pins.has(shorter) && shorter !== twin?.holder) this.#drop(shorter)
    }
    // A model computes the same prefix twice when two requests began at once; one copy is enough.
    if (twin && !pinned) this.#adopt(twin.holder, sequence, twin.length)
    llama.sequenceRemove(memory, sequence, tokens.length, -1)
    const debt = twin && pinned ? twin.length : 0
    this.#reserved += debt
    this.#keptTree.insert(sequence, tokens)
    this.#kept.set(sequence, { tokens, debt })
    if (twin && this.#keptTree.lengthOf(twin.holder) === twin.length && !this.#pins.has(twin.holder)) {
      this.#drop(twin.holder)
    }
  }

  #adopt(from: number, to: number, length: number): void {
    const { llama, memory } = this.#model
    llama.sequenceRemove(memory, to, 0, length)
    llama.sequenceCopy(memory, from, to, 0, length)
  }

  #unpin(sequence: number): void {
    const pins = (this.#pins.get(sequence) ?? 1) - 1
    if (pins > 0) return void this.#pins.set(sequence, pins)
    this.#pins.delete(sequence)
    const kept = this.#kept.get(sequence)
    if (!kept || kept.debt === 0) return
    this.#reserved -= kept.debt
    this.#kept.delete(sequence)
    this.#keptTree.remove(sequence)
    this.#keep(sequence, kept.tokens)
  }

  #touch(sequence: number): void {
    const kept = this.#kept.get(sequence)
    if (!kept) return
    this.#kept.delete(sequence)
    this.#kept.set(sequence, kept)
  }

  #makeRoom(cells: number, sequences: number, except: number | undefined): boolean {
    const most = this.#model.cells
    if (this.#reserved + cells > most) return false
    while (this.used + cells > most || this.#free.length < sequences) {
      if (!this.#evictOne(except)) return false
    }
    return true
  }

  #trim(): void {
    while (this.#keptTree.size > this.#keepCells && this.#evictOne(undefined));
  }

  /** Makes the cache empty of what nobody uses. Returns whether anything was given up. */
  evictAll(): boolean {
    let any = false
    while (this.#evictOne(undefined)) any = true
    return any
  }

  #evictOne(except: number | undefined): boolean {
    for (const [sequence, { tokens }] of this.#kept) {
      if (sequence === except || this.#pins.has(sequence)) continue
      this.#parked.park(sequence, tokens)
      this.#drop(sequence)
      return true
    }
    return false
  }

  /** Puts every kept prefix where it can be saved from. */
  parkAll(): void {
    for (const [sequence, { tokens }] of this.#kept) this.#parked.park(sequence, tokens)
  }

  #drop(sequence: number): void {
    const { llama, memory } = this.#model
    this.#kept.delete(sequence)
    this.#keptTree.remove(sequence)
    llama.sequenceRemove(memory, sequence, -1, -1)
    this.#giveBack(sequence)
  }
}
