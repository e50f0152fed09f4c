import type { Timekeeper } from '../timekeeper.ts'
import type { LimitedUnit, SaidLimit } from './limit-headers.ts'
import { SlidingSum, type Part } from './sliding-sum.ts'

/** What a provider allows; per minute unless another time is said. Of all its keys together. */
export interface ProviderLimits {
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly inputTokensPerMinute?: number | undefined
  readonly outputTokensPerMinute?: number | undefined
  readonly requestsPerDay?: number | undefined
  /** Requests at once. */
  readonly concurrency?: number | undefined
}

/** Where a limit is known from. */
export type LimitSource = 'configured' | 'told' | 'found'

interface Rule {
  readonly unit: LimitedUnit
  readonly windowMs: number
  limit: number
  readonly source: LimitSource
  readonly taken: SlidingSum
}

export interface LaneAmounts {
  readonly input: number
  readonly output: number
}

/** What a request took. */
export interface LaneUse extends LaneAmounts {
  readonly requests: number
}

/** What was set aside for a request in a lane. */
export type Reserved = readonly (readonly [Rule, Part])[]

const minuteMs = 60_000
const dayMs = 86_400_000
/** Where nobody says what the limit is: after a 429 so much less than before, and then a little more each minute. */
const decrease = 0.7
const increase = 1.05
/** Without a word about how long to wait. */
const pauseMs = 1000

/** What one model of a provider may be asked, and what it was asked lately. */
export class Lane {
  readonly #timekeeper: Timekeeper
  #rules: Rule[]
  concurrency: number
  inFlight = 0
  /** Nothing is sent before. */
  blockedUntil = 0
  /** 429s that came all the same. */
  refused = 0
  /** Times that a limit which nobody says was found too high. */
  lowered = 0
  #raisedAt = 0
  readonly #sent = new SlidingSum(minuteMs)
  readonly #isLearning: boolean

  constructor(timekeeper: Timekeeper, limits: ProviderLimits, isLearning: boolean) {
    this.#timekeeper = timekeeper
    this.#isLearning = isLearning
    this.concurrency = limits.concurrency ?? Infinity
    this.#rules = configured(limits).map((rule) => ({ ...rule, taken: new SlidingSum(rule.windowMs) }))
  }

  /** Other limits, of which what was taken lately is taken already. */
  configure(limits: ProviderLimits): void {
    this.concurrency = limits.concurrency ?? Infinity
    const before = this.#rules
    const rules = configured(limits).map((rule) => {
      const same = before.find(({ unit, windowMs }) => unit === rule.unit && windowMs === rule.windowMs)
      return { ...rule, taken: same?.taken ?? new SlidingSum(rule.windowMs) }
    })
    const learnt = before.filter(
      ({ source, unit }) => source !== 'configured' && !rules.some((rule) => rule.unit === unit),
    )
    this.#rules = [...rules, ...learnt]
  }

  /** Whether it holds anybody back at all. */
  get isFree(): boolean {
    return this.#rules.length === 0 && this.concurrency === Infinity && this.blockedUntil <= this.#timekeeper.now()
  }

  /** Milliseconds until a request that takes so much can go, as far as time decides that; 0 is now. */
  waitMs(amounts: LaneAmounts, ahead: LaneUse = noneAhead): number {
    const now = this.#timekeeper.now()
    let wait = Math.max(0, this.blockedUntil - now)
    for (const { unit, limit, windowMs, taken } of this.#rules) {
      const wanted = Math.min(amountOf(unit, { requests: 1, ...amounts }), limit) + amountOf(unit, ahead)
      // Of what is ahead, all that fills whole windows takes whole windows.
      const whole = Math.max(0, Math.ceil(wanted / limit) - 1)
      wait = Math.max(wait, whole * windowMs + taken.waitMs(wanted - whole * limit, limit, now))
    }
    return wait
  }

  get isFull(): boolean {
    return this.inFlight >= this.concurrency
  }

  /** Sets aside what a request takes, and lets it go. */
  take(amounts: LaneAmounts): Reserved {
    const now = this.#timekeeper.now()
    this.inFlight++
    this.#sent.add(1, now)
    return this.#rules.map(
      (rule) => [rule, rule.taken.add(amountOf(rule.unit, { requests: 1, ...amounts }), now)] as const,
    )
  }

  /** Of a request that goes without anything being set aside. */
  sent(): void {
    this.#sent.add(1, this.#timekeeper.now())
  }

  /** Absent use: what was set aside stays. */
  give(reserved: Reserved, used: LaneUse | undefined): void {
    const now = this.#timekeeper.now()
    this.inFlight--
    if (!used) return
    for (const [{ unit, taken }, part] of reserved) taken.correct(part, amountOf(unit, used), now)
  }

  /** The provider refused one for having had too many. `lowered` is as it was when that one was sent. */
  refuse(retryAfterSeconds: number | undefined, lowered: number): void {
    const now = this.#timekeeper.now()
    this.refused++
    this.blockedUntil = Math.max(this.blockedUntil, now + (retryAfterSeconds ?? 0) * 1000 || now + pauseMs)
    // What was sent before the limit was lowered says nothing of the lower one.
    if (!this.#isLearning || lowered !== this.lowered) return
    const found = this.#rules.find(({ source }) => source === 'found')
    if (found) {
      this.lowered++
      found.limit = Math.max(1, found.limit * decrease)
      this.#raisedAt = now
    } else if (!this.#rules.some(({ source }) => source !== 'found')) {
      const limit = Math.max(1, Math.floor(this.#sent.total(now) * decrease))
      const taken = new SlidingSum(minuteMs)
      taken.add(Math.min(limit, this.#sent.total(now)), now)
      this.#rules.push({ unit: 'requests', windowMs: minuteMs, limit, source: 'found', taken })
      this.lowered++
      this.#raisedAt = now
    }
  }

  /** Where nobody says what the limit is, tries a little more once a minute. */
  raise(): void {
    const now = this.#timekeeper.now()
    if (now - this.#raisedAt < minuteMs) return
    this.#raisedAt = now
    for (const rule of this.#rules)
      if (rule.source === 'found') rule.limit = Math.max(rule.limit + 1, rule.limit * increase)
  }

  /** An answer said what may still be asked. `keys` is how many take turns: each answer is about one of them. */
  told({ unit, limit, remaining, resetMs }: SaidLimit, keys: number): void {
    const now = this.#timekeeper.now()
    if (remaining === 0 && keys === 1) this.blockedUntil = Math.max(this.blockedUntil, now + (resetMs ?? pauseMs))
    if (!this.#isLearning) return
    let rule = this.#rules.find((each) => each.unit === unit && each.windowMs === minuteMs)
    if (!rule) {
      if (limit === undefined || limit < 1) return
      rule = { unit, windowMs: minuteMs, limit: limit * keys, source: 'told', taken: new SlidingSum(minuteMs) }
      this.#rules.push(rule)
      // What was found out by trying is known now.
      const found = this.#rules.findIndex(({ source }) => source === 'found')
      if (found >= 0) this.#rules.splice(found, 1)
    }
    if (rule.source === 'told' && limit !== undefined && limit >= 1) rule.limit = limit * keys
    // Others who share the limit take of it too.
    if (remaining === undefined || keys > 1) return
    const others = rule.limit - remaining - rule.taken.total(now)
    if (others > 0) rule.taken.add(others, now)
  }

  report(): {
    readonly unit: LimitedUnit
    readonly perMs: number
    readonly limit: number
    readonly left: number
    readonly source: LimitSource
  }[] {
    const now = this.#timekeeper.now()
    return this.#rules.map(({ unit, windowMs, limit, source, taken }) => {
      return { unit, perMs: windowMs, limit, left: Math.max(0, limit - taken.total(now)), source }
    })
  }
}

function configured(limits: ProviderLimits): Omit<Rule, 'taken'>[] {
  const rules: readonly (readonly [LimitedUnit, number, number | undefined])[] = [
    ['requests', minuteMs, limits.requestsPerMinute],
    ['tokens', minuteMs, limits.tokensPerMinute],
    ['inputTokens', minuteMs, limits.inputTokensPerMinute],
    ['outputTokens', minuteMs, limits.outputTokensPerMinute],
    ['requests', dayMs, limits.requestsPerDay],
  ]
  return rules.flatMap(([unit, windowMs, limit]) =>
    limit === undefined ? [] : [{ unit, windowMs, limit, source: 'configured' as const }],
  )
}

const noneAhead = { requests: 0, input: 0, output: 0 }

function amountOf(unit: LimitedUnit, { requests, input, output }: LaneUse): number {
  switch (unit) {
    case 'requests':
      return requests
    case 'tokens':
      return input + output
    case 'inputTokens':
      return input
    case 'outputTokens':
      return output
  }
}
