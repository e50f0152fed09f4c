import type { Spending } from '../budgets/spending.ts'
import type { Calendar } from './calendar.ts'
import type { Clock } from './clock.ts'
import { Gate, letThrough } from './gate.ts'
import type { KeyLimits, Window } from './key-limits.ts'
import { PeriodMeter, RateMeter, slidingLength, type Meter, type Unit } from './meters.ts'

/** One limit, and what counts for it. */
export interface Rule {
  readonly unit: Unit
  readonly window: Window
  readonly limit: number
  /** From where on a budget warns. */
  readonly soft?: number | undefined
  readonly meter: Meter
}

/** What requests took. */
export interface Taken {
  readonly requests: number
  readonly tokens: number
  readonly usd: number
}

export interface AllowanceParts {
  readonly clock: Clock
  readonly calendar: Calendar
  readonly spending: Spending
}

/** Whose allowance it is. */
export interface Party {
  readonly kind: 'key' | 'team' | 'model' | 'route'
  readonly id: string
}

/** What one key, team or model may take, and has taken. */
export class Allowance {
  readonly party: Party
  readonly gate = new Gate()
  /** Requests that have not settled. */
  open = 0
  /** `elapsed` of the clock when it was last asked. */
  usedAt = 0
  rules: readonly Rule[] = []
  readonly #parts: AllowanceParts
  #limits: KeyLimits | undefined
  readonly #meters = new Map<string, Meter>()
  readonly #periods: PeriodMeter[] = []
  #loading: Promise<void> | undefined

  constructor(party: Party, parts: AllowanceParts) {
    this.party = party
    this.#parts = parts
  }

  /** The limits that count from now on. Those of windows that had one before go on from what was taken. */
  limitTo(limits: KeyLimits): void {
    if (limits === this.#limits) return
    this.#limits = limits
    this.gate.limit = limits.concurrency ?? Infinity
    letThrough(this.gate)
    const { rpm, tpm, requests = [], tokens = [], budgets = [] } = limits
    const rule = (unit: Unit, window: Window, limit: number, soft?: number) => {
      const meter = this.#meter(unit, window)
      return { unit, window, limit, soft, meter }
    }
    this.rules = [
      ...(rpm === undefined ? [] : [rule('requests', 'minute', rpm)]),
      ...(tpm === undefined ? [] : [rule('tokens', 'minute', tpm)]),
      ...requests.map(({ limit, window }) => rule('requests', window, limit)),
      ...tokens.map(({ limit, window }) => rule('tokens', window, limit)),
      ...budgets.map(({ usd, window, soft }) => rule('usd', window, usd, soft)),
    ]
  }

  /** A promise as long as it is not known what was taken in the periods that began before this. */
  ready(): Promise<void> | undefined {
    if (this.#loading) return this.#loading
    const unknown = this.#periods.filter((meter) => !meter.isKnown)
    if (unknown.length === 0) return undefined
    this.#loading = this.#load(unknown).finally(() => (this.#loading = undefined))
    return this.#loading
  }

  /** Counts what a request took that began at a time, in milliseconds since 1970, and is over. */
  spend(taken: Taken, at: number): void {
    for (const meter of this.#periods) meter.spend(taken[meter.unit], at)
  }

  /** Nothing would be lost without it: a new one would read what it has from the ledger. */
  get isIdle(): boolean {
    return this.open === 0 && this.gate.isIdle && [...this.#meters.values()].every(isFresh)
  }

  #meter(unit: Unit, window: Window): Meter {
    const name = `${unit}/${window}`
    const known = this.#meters.get(name)
    if (known) return known
    const length = slidingLength(unit, window)
    const meter = length === undefined ? this.#newPeriod(unit, window) : new RateMeter(length, this.#parts.clock)
    this.#meters.set(name, meter)
    return meter
  }

  #newPeriod(unit: Unit, window: Window): PeriodMeter {
    const meter = new PeriodMeter(unit, window, this.#parts)
    this.#periods.push(meter)
    return meter
  }

  async #load(meters: readonly PeriodMeter[]): Promise<void> {
    for (const meter of meters) {
      const { start } = meter.period
      const spent = await this.#parts.spending.since(this.party, start, () => meter.forget())
      meter.know(spent[meter.unit], start)
    }
  }
}

function isFresh(meter: Meter): boolean {
  return meter instanceof PeriodMeter || meter.taken() === 0
}
