import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { ModelLoad } from '../providers/provider.ts'
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

interface Waiter {
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

  get load(): ModelLoad {
    const { parallel } = this.known.engine
    const waiting = Math.max(0, this.running - parallel) + this.waitingPrompts
    return { running: Math.min(this.running, parallel), waiting }
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

  /** Resolves when the request may begin; it then counts as running. `changed` is called when it joins or leaves. */
  async wait(prompts: number, signal: AbortSignal, changed: () => void): Promise<void> {
    if (this.phase === 'unloaded') this.throwRecentFailure()
    const { parallel, queueLimit } = this.known.engine
    if (this.waitingPrompts + prompts > parallel + queueLimit) {
      throw new InferloomError(
        'engine_overloaded',
        `${this.waitingPrompts} requests wait for model ${this.name} to be loaded. ` +
          'Remedy: retry after the time given, or raise engine.queue in the configuration.',
        { retryAfterSeconds: 5 },
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = {
      prompts,
      since: performance.now(),
      grant: () => {
        leave()
        this.take()
        resolve()
      },
      reject: (error) => {
        leave()
        reject(error)
      },
    }
    const leave = () => {
      if (this.waiters.delete(waiter)) this.waitingPrompts -= prompts
      signal.removeEventListener('abort', onAbort)
    }
    const onAbort = () => {
      waiter.reject(asInferloomError(signal.reason))
      changed()
    }
    signal.addEventListener('abort', onAbort)
    this.waiters.add(waiter)
    this.waitingPrompts += prompts
    changed()
    await promise
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
