import { InferloomError } from '../canonical/errors.ts'
import type { Engine, EngineOptions } from './engine.ts'

/** A model that a pool can load. */
export interface KnownModel {
  readonly engine: EngineOptions
  /** In order; more than one of a split model. */
  readonly files: readonly [string, ...string[]]
  /** Stays in memory once it is there. */
  readonly pinned: boolean
  /** Loaded at the start: must be, may be when it fits beside those before it, or only when asked for. */
  readonly preload: 'must' | 'may' | 'no'
  /** Seconds without a request after which it leaves memory; 0 means at once, −1 never. */
  readonly keepAliveSeconds: number
  /** Whether a file that is missing or damaged ends the start. */
  readonly checked: boolean
}

export interface Waiter {
  readonly prompts: number
  /** `performance.now()` */
  readonly since: number
  readonly grant: () => void
  readonly reject: (error: InferloomError) => void
}

const longestPauseMs = 30_000

/** A model's place in the pool: in memory or not, who uses it and who waits for it. */
export class Resident {
  readonly name: string
  known: KnownModel
  phase: 'unloaded' | 'loading' | 'loaded' | 'unloading' = 'unloaded'
  engine: Engine | undefined
  bytes = 0
  running = 0
  /** `performance.now()` when a request last began or ended, and when it came into memory. */
  usedAt = 0
  readyAt = 0
  /** Since when another model waits for its memory, and the requests that it took since. */
  wantedAt: number | undefined
  takenSinceWanted = 0
  /** Finishes what it has and takes no more. */
  draining = false
  readonly waiters = new Set<Waiter>()
  waitingPrompts = 0
  loads = 0
  idleTimer: NodeJS.Timeout | undefined
  #failure: { error: InferloomError; until: number; count: number } | undefined

  constructor(name: string, known: KnownModel) {
    this.name = name
    this.known = known
  }

  get takesRequests(): boolean {
    return this.phase === 'loaded' && !this.draining
  }

  get oldestWaiter(): number {
    const [first] = this.waiters
    return first?.since ?? Infinity
  }

  take(): void {
    clearTimeout(this.idleTimer)
    this.running++
    this.usedAt = performance.now()
    if (this.wantedAt !== undefined) this.takenSinceWanted++
  }

  grantAll(): void {
    for (const waiter of this.waiters) waiter.grant()
  }

  rejectAll(error: InferloomError): void {
    for (const waiter of this.waiters) waiter.reject(error)
  }

  /** Nobody else needs its memory any more. */
  spare(): void {
    this.wantedAt = undefined
    this.takenSinceWanted = 0
    this.draining = false
  }

  loaded(): void {
    this.phase = 'loaded'
    this.readyAt = this.usedAt = performance.now()
    this.loads++
    this.#failure = undefined
  }

  /** After a first failure loading is tried again at once, then after growing pauses. */
  failed(error: InferloomError): void {
    const count = (this.#failure?.count ?? 0) + 1
    const pause = count === 1 ? 0 : Math.min(250 * 2 ** (count - 1), longestPauseMs)
    this.#failure = { error, until: performance.now() + pause, count }
  }

  throwRecentFailure(): void {
    if (this.#failure && performance.now() < this.#failure.until) throw this.#failure.error
  }
}
