import type { Timekeeper } from '../../src/gateway/timekeeper.ts'

interface Planned {
  readonly at: number
  readonly order: number
  readonly call: () => void
}

/** A clock that only moves when everything that could happen at its moment has happened. */
export class VirtualTime implements Timekeeper {
  #now = 0
  #order = 0
  /** A binary heap by time, then by the order of planning. */
  readonly #heap: Planned[] = []
  readonly #cancelled = new Set<Planned>()

  now(): number {
    return this.#now
  }

  after(milliseconds: number, call: () => void): () => void {
    const planned = { at: this.#now + Math.max(0, milliseconds), order: this.#order++, call }
    this.#push(planned)
    return () => this.#cancelled.add(planned)
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.after(milliseconds, resolve))
  }

  /** Moves on until nothing is planned any more before `until`. */
  async run(until = Infinity): Promise<void> {
    for (;;) {
      await settled()
      const next = this.#heap[0]
      if (!next || next.at > until) break
      this.#pop()
      if (this.#cancelled.delete(next)) continue
      this.#now = next.at
      next.call()
    }
    if (until !== Infinity) this.#now = Math.max(this.#now, until)
  }

  #push(planned: Planned): void {
    const heap = this.#heap
    let at = heap.push(planned) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at], heap[parent])) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    heap[0] = last
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const smaller = isBefore(heap[left + 1], heap[left]) ? left + 1 : left
      if (!isBefore(heap[smaller], heap[at])) return
      this.#swap(at, smaller)
      at = smaller
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    ;[heap[a], heap[b]] = [heap[b] as Planned, heap[a] as Planned]
  }
}

function isBefore(a: Planned | undefined, b: Planned | undefined): boolean {
  if (!a || !b) return a !== undefined
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Whatever promises were kept has been noticed: microtasks run dry before the next turn of the loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
