import { InferloomError } from '../../canonical/errors.ts'
import type { ServiceTier } from '../../canonical/request.ts'
import type { Candidate } from '../routing/plan.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { Lane, type LaneAmounts, type LaneUse, type ProviderLimits, type Reserved } from './lane.ts'
import { saidLimits } from './limit-headers.ts'
import type { PaceAsked, Pacer, Pass } from './pacer.ts'

interface PacingSettings {
  /** Requests that wait, for each model. */
  readonly queue: number
  readonly maxWaitSeconds: number
  /** The same where another candidate can be asked instead. */
  readonly spillSeconds: number
  /** Whether limits that are not configured are learnt from answers. */
  readonly learn: boolean
}

export interface PacerParts {
  readonly settings: PacingSettings
  readonly timekeeper: Timekeeper
  /** What a provider allows one key for a model, as it is configured. */
  readonly limitsOf: (provider: string, model: string) => ProviderLimits
  /** How many keys of a provider take turns. */
  readonly keysOf: (provider: string) => number
}

interface Waiter {
  readonly asked: PaceAsked
  readonly amounts: LaneAmounts
  readonly since: number
  readonly go: (pass: Pass) => void
}

interface Queue {
  readonly lane: Lane
  readonly keys: number
  readonly id: string
  readonly provider: string
  readonly model: string
  readonly waiting: Waiter[]
  /** Wakes it when its first one may go. */
  wake: (() => void) | undefined
  readonly freePass: Pass
}

/** For whoever looks on. */
export interface PacerReport {
  readonly id: string
  readonly waiting: number
  readonly inFlight: number
  /** Requests that waited here, and 429s that came all the same. */
  readonly waited: number
  readonly refused: number
  readonly limits: ReturnType<Lane['report']>
}

/** Models that are kept apart; of more, those that nobody waits for are forgotten. */
const mostLanes = 2000
const ranks: Readonly<Record<ServiceTier, number>> = { priority: 0, default: 1, flex: 2 }

/**
 * Holds requests back so that a provider never has to refuse one for coming too soon. The first in the queue goes first,
 * also where a smaller one behind it would fit: by tier, then by deadline, then by arrival. Who has waited for half of
 * the longest wait goes before all others, so that nobody waits for ever.
 */
export class ProviderPacer implements Pacer {
  #parts: PacerParts
  readonly #queues = new Map<string, Queue>()
  readonly #waited = new Map<string, number>()

  constructor(parts: PacerParts) {
    this.#parts = parts
  }

  /** Who waits already waits as long as it was told. */
  configure(parts: Pick<PacerParts, 'settings' | 'limitsOf'>): void {
    this.#parts = { ...this.#parts, ...parts }
    for (const { lane, provider, model, keys } of this.#queues.values()) {
      lane.configure(timesKeys(parts.limitsOf(provider, model), keys))
    }
    for (const queue of this.#queues.values()) if (queue.waiting.length > 0) this.#dispatch(queue)
  }

  enter(asked: PaceAsked): Pass | Promise<Pass> {
    const queue = this.#queueOf(asked.candidate)
    const { lane, waiting } = queue
    if (lane.isFree) {
      lane.sent()
      return queue.freePass
    }
    lane.raise()
    const amounts = { input: asked.promptTokens, output: asked.outputTokens }
    if (waiting.length === 0 && !lane.isFull && lane.waitMs(amounts) === 0) return this.#pass(queue, amounts)
    this.#refuse(queue, asked, amounts)
    return this.#wait(queue, asked, amounts)
  }

  observe({ id }: Candidate, headers: Readonly<Record<string, string>>): void {
    const said = saidLimits(headers, Date.now())
    if (said.length === 0) return
    const queue = this.#queues.get(id)
    if (!queue) return
    for (const each of said) queue.lane.told(each, queue.keys)
    if (queue.waiting.length > 0) this.#dispatch(queue)
  }

  report(): PacerReport[] {
    return [...this.#queues.values()].map(({ id, lane, waiting }) => {
      const { inFlight, refused } = lane
      const waited = this.#waited.get(id) ?? 0
      return { id, waiting: waiting.length, inFlight, waited, refused, limits: lane.report() }
    })
  }

  /** Throws where the wait would be of no use. */
  #refuse({ lane, waiting, id }: Queue, asked: PaceAsked, amounts: LaneAmounts): void {
    const { queue, maxWaitSeconds, spillSeconds } = this.#parts.settings
    const { deadlineAt, expectedMs = 0, canMoveOn } = asked
    const ahead = { requests: 0, input: 0, output: 0 }
    const now = this.#parts.timekeeper.now()
    for (const each of waiting) {
      if (!this.#goesBefore(each, { asked, since: now }, now)) continue
      ahead.requests++
      ahead.input += each.amounts.input
      ahead.output += each.amounts.output
    }
    const waitMs = lane.waitMs(amounts, ahead)
    if (deadlineAt !== undefined && now + waitMs + expectedMs > deadlineAt) {
      const message = `The limits of ${id} leave no room for the request before the time that x-inferloom-deadline sets. Remedy: allow more time, or use another model.`
      throw new InferloomError('deadline_exceeded', message)
    }
    const mostMs = (canMoveOn ? spillSeconds : maxWaitSeconds) * 1000
    if (waitMs <= mostMs && waiting.length < queue) return
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    const message =
      waiting.length < queue
        ? `The limits of ${id} leave room for the request in about ${retryAfterSeconds} seconds, which is longer than it may wait here. Remedy: ask later, or raise pacing.maxWaitSeconds.`
        : `As many requests wait for ${id} as may (pacing.queue = ${queue}). Remedy: ask later.`
    throw new InferloomError('queue_full', message, { retryAfterSeconds })
  }

  #wait(queue: Queue, asked: PaceAsked, amounts: LaneAmounts): Promise<Pass> {
    const { timekeeper, settings } = this.#parts
    const { promise, resolve, reject } = Promise.withResolvers<Pass>()
    const { signal, deadlineAt, candidate } = asked
    const since = timekeeper.now()
    const mostMs = settings.maxWaitSeconds * 1000
    const left = deadlineAt === undefined ? Infinity : deadlineAt - since
    const end = () => {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
    const give = (error: unknown) => {
      end()
      queue.waiting.splice(queue.waiting.indexOf(waiter), 1)
      reject(error)
      // Whoever is behind it may go now.
      this.#dispatch(queue)
    }
    const waiter: Waiter = {
      asked,
      amounts,
      since,
      go: (pass) => {
        end()
        resolve(pass)
      },
    }
    const onAbort = () => give(signal.reason)
    const cancel = timekeeper.after(Math.min(mostMs, left), () => {
      const isLate = left <= mostMs
      const message = isLate
        ? `The limits of ${candidate.id} left no room for the request before the time that x-inferloom-deadline sets. Remedy: allow more time.`
        : `The limits of ${candidate.id} left no room for the request in ${settings.maxWaitSeconds} seconds. Remedy: ask later, or raise pacing.maxWaitSeconds.`
      give(new InferloomError(isLate ? 'deadline_exceeded' : 'queue_full', message, { retryAfterSeconds: 1 }))
    })
    queue.waiting.push(waiter)
    this.#waited.set(queue.id, (this.#waited.get(queue.id) ?? 0) + 1)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    this.#dispatch(queue)
    return promise
  }

  /** Lets go whoever can, in their order, and comes back when the next one can. */
  #dispatch(queue: Queue): void {
    const { lane, waiting } = queue
    const { timekeeper } = this.#parts
    queue.wake?.()
    queue.wake = undefined
    while (waiting.length > 0 && !lane.isFull) {
      const now = timekeeper.now()
      const at = this.#first(waiting, now)
      const waiter = waiting[at] as Waiter
      lane.raise()
      const waitMs = lane.waitMs(waiter.amounts)
      if (waitMs > 0) {
        queue.wake = timekeeper.after(waitMs, () => this.#dispatch(queue))
        return
      }
      waiting.splice(at, 1)
      waiter.go(this.#pass(queue, waiter.amounts))
    }
  }

  #first(waiting: readonly Waiter[], now: number): number {
    let first = 0
    for (let at = 1; at < waiting.length; at++) {
      if (this.#goesBefore(waiting[at] as Waiter, waiting[first] as Waiter, now)) first = at
    }
    return first
  }

  #goesBefore(a: Pick<Waiter, 'asked' | 'since'>, b: Pick<Waiter, 'asked' | 'since'>, now: number): boolean {
    const [x, y] = [this.#rank(a, now), this.#rank(b, now)]
    if (x !== y) return x < y
    const [p, q] = [a.asked.deadlineAt ?? Infinity, b.asked.deadlineAt ?? Infinity]
    return p === q ? a.since <= b.since : p < q
  }

  #rank({ asked, since }: Pick<Waiter, 'asked' | 'since'>, now: number): number {
    const isOld = now - since > (this.#parts.settings.maxWaitSeconds * 1000) / 2
    return isOld ? -1 : ranks[asked.tier]
  }

  #pass(queue: Queue, amounts: LaneAmounts): Pass {
    let reserved: Reserved | undefined = queue.lane.take(amounts)
    const { lowered } = queue.lane
    return {
      settle: (result) => {
        if (!reserved) return
        queue.lane.give(reserved, usedOf(result))
        reserved = undefined
        this.#settled(queue, result, lowered)
      },
    }
  }

  #settled(queue: Queue, { error, headers }: Parameters<Pass['settle']>[0], lowered: number): void {
    if (headers) for (const each of saidLimits(headers, Date.now())) queue.lane.told(each, queue.keys)
    // A quota that is used up is no pace.
    if (error?.code === 'rate_limited' && error.fault?.status === 429) {
      queue.lane.refuse(error.retryAfterSeconds, lowered)
    }
    if (queue.waiting.length > 0) this.#dispatch(queue)
  }

  #queueOf({ id, served }: Candidate): Queue {
    const known = this.#queues.get(id)
    if (known) return known
    if (this.#queues.size >= mostLanes) this.#forget()
    const { settings, timekeeper, limitsOf, keysOf } = this.#parts
    const keys = Math.max(1, keysOf(served.provider.name))
    const lane = new Lane(timekeeper, timesKeys(limitsOf(served.provider.name, served.model), keys), settings.learn)
    // A lane is free before a limit was found, and never after.
    const freePass: Pass = { settle: (result) => this.#settled(queue, result, 0) }
    const { provider, model } = served
    const queue: Queue = { lane, keys, id, provider: provider.name, model, waiting: [], wake: undefined, freePass }
    this.#queues.set(id, queue)
    return queue
  }

  #forget(): void {
    for (const [id, { waiting, lane }] of this.#queues) {
      if (waiting.length > 0 || lane.inFlight > 0) continue
      this.#queues.delete(id)
      this.#waited.delete(id)
      return
    }
  }
}

/** What a request took of a limit; undefined: what was expected. */
function usedOf({ usage, error, wasSent }: Parameters<Pass['settle']>[0]): LaneUse | undefined {
  if (wasSent === false) return { requests: 0, input: 0, output: 0 }
  if (usage) return { requests: 1, input: usage.inputTokens.total, output: usage.outputTokens.total }
  // Of one that was refused no token was read; of one that broke off, nobody knows.
  const status = error?.fault?.status ?? 0
  return status >= 400 && status < 500 ? { requests: 1, input: 0, output: 0 } : undefined
}

function timesKeys(limits: ProviderLimits, keys: number): ProviderLimits {
  if (keys === 1) return limits
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, limit === undefined ? undefined : Number(limit) * keys]),
  )
}
