/** A request that waits for its turn. */
export interface Waiter {
  /** Of whoever sends it: its requests go one after the other. */
  readonly keyId: string
  /** Who came first has the smallest. */
  readonly number: number
  readonly gates: readonly Gate[]
  start(): void
}

/** Lets so many requests through at once; the others wait in it, in turns between keys and in order within each. */
export class Gate {
  limit = Infinity
  running = 0
  /** In the order of their next turns. */
  readonly #queues = new Map<string, Waiter[]>()

  get isFull(): boolean {
    return this.running >= this.limit
  }

  get isIdle(): boolean {
    return this.running === 0 && this.#queues.size === 0
  }

  waiting(keyId: string): number {
    return this.#queues.get(keyId)?.length ?? 0
  }

  add(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.keyId)
    if (!queue) return void this.#queues.set(waiter.keyId, [waiter])
    // One that comes from another gate is older than those that have waited here all the time.
    const place = queue.findLastIndex(({ number }) => number < waiter.number) + 1
    queue.splice(place, 0, waiter)
  }

  remove(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.keyId)
    const place = queue?.indexOf(waiter) ?? -1
    if (!queue || place === -1) return
    queue.splice(place, 1)
    if (queue.length === 0) this.#queues.delete(waiter.keyId)
  }

  /** Takes out whose turn it is; its key has its next turn after all the others. */
  next(): Waiter | undefined {
    for (const [keyId, queue] of this.#queues) {
      const waiter = queue.shift()
      this.#queues.delete(keyId)
      if (queue.length > 0) this.#queues.set(keyId, queue)
      return waiter
    }
  }
}

/** Goes through all of them at once, or through none. */
export function enter(gates: readonly Gate[]): boolean {
  for (const gate of gates) if (gate.isFull) return false
  for (const gate of gates) gate.running++
  return true
}

export function leave(gates: readonly Gate[]): void {
  for (const gate of gates) gate.running--
  for (const gate of gates) letThrough(gate)
}

/** Lets through who may go now: after one has left, or more are allowed at once. */
export function letThrough(gate: Gate): void {
  while (!gate.isFull) {
    const waiter = gate.next()
    if (!waiter) return
    if (enter(waiter.gates)) waiter.start()
    // Another gate holds it up: it waits there, so that it holds nobody up here.
    else waiter.gates.find(({ isFull }) => isFull)?.add(waiter)
  }
}
