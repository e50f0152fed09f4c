import { InferloomError } from '../../canonical/errors.ts'
import type { Prices } from '../../catalog/price.ts'
import type { BudgetNotices } from '../budgets/notices.ts'
import type { Spending } from '../budgets/spending.ts'
import type { Caller } from '../caller.ts'
import type { Admission, Admitted, Asked, Settlement } from './admission.ts'
import { Allowance, type AllowanceParts, type Party, type Rule, type Taken } from './allowance.ts'
import { Calendar } from './calendar.ts'
import { StillClock, type Clock } from './clock.ts'
import { estimateInput } from './estimate.ts'
import type { Gate } from './gate.ts'
import type { KeyLimits } from './key-limits.ts'
import { PeriodMeter, type Reserved, type Unit } from './meters.ts'
import { partyName, refusal, type Exceeded } from './refusal.ts'
import { standingOf } from './standing.ts'
import { Turns } from './turns.ts'

export interface LimitsSettings {
  /** Of the IANA database: where days, weeks and months begin. */
  readonly timeZone: string
  /** Of every key, in what it has no limits of its own. */
  readonly keys: KeyLimits
  /** Of models and routes, by name or by `provider/name`. */
  readonly models: Readonly<Record<string, KeyLimits>>
  /** Requests of one key that wait for their turn. */
  readonly queue: number
  readonly maxWaitSeconds: number
  /** Expected of a request that leaves the length of its answer open. */
  readonly openOutputTokens: number
  /** What becomes of a request under a budget whose price nobody knows. */
  readonly unpriced: 'refuse' | 'allow'
}

export interface LimitsParts {
  readonly settings: LimitsSettings
  readonly clock: Clock
  /** The limits of a caller's own and of its team, as they are now: the same objects as long as nothing was changed. */
  readonly limitsOf: (caller: Caller) => { readonly key?: KeyLimits | undefined; readonly team?: KeyLimits | undefined }
  /** Whether a name that has limits is a route's. */
  readonly isRoute: (name: string) => boolean
  readonly prices: Pick<Prices, 'cost'> | undefined
  readonly spending: Spending
  readonly notices: BudgetNotices
}

/** What is set aside for a request before it is sent. */
interface Estimate {
  readonly input: number
  readonly output: number
  /** Whether its client left the length of the answer open. */
  readonly open: boolean
  /** Undefined where the price is unknown, or nobody asks. */
  readonly usd: number | undefined
}

interface SetAside {
  readonly unit: Unit
  readonly reserved: Reserved
}

const unlimited: KeyLimits = {}
const sweepMs = 60_000
/** After which an allowance that nobody uses is forgotten: a new one reads what it has to know from the ledger. */
const idleMs = 600_000
/** No answer has more tokens, or costs more. */
const mostTokens = 1_000_000_000
const mostDollars = 1_000_000

/**
 * Lets requests in as their keys, teams and models allow: all limits of a request are looked at and reserved in one
 * step, which nothing can come between, and what was reserved is corrected when it is known what was taken.
 */
export class Limits implements Admission {
  readonly #parts: LimitsParts
  readonly #clock: StillClock
  readonly #allowanceParts: AllowanceParts
  readonly #allowances = new Map<string, Allowance>()
  readonly #merged = new WeakMap<KeyLimits, KeyLimits>()
  readonly #turns: Turns
  readonly #modelNames: readonly string[]
  #sweptAt = 0

  constructor(parts: LimitsParts) {
    const { settings, spending } = parts
    this.#parts = parts
    this.#clock = new StillClock(parts.clock)
    this.#allowanceParts = { clock: this.#clock, spending, calendar: new Calendar(settings.timeZone) }
    this.#turns = new Turns(settings)
    this.#modelNames = Object.keys(settings.models)
  }

  admit(asked: Asked): Admitted | Promise<Admitted> {
    this.#clock.look()
    this.#sweep()
    const allowances = this.#of(asked)
    const at = this.#clock.time()
    if (allowances.length === 0) return { settle: (settlement) => this.#spend(asked, at, this.#taken(settlement)) }
    const loading = allowances.flatMap((each) => each.ready() ?? [])
    if (loading.length === 0) return this.#admit(asked, allowances)
    return Promise.all(loading).then(() => {
      asked.signal.throwIfAborted()
      this.#clock.look()
      return this.#admit(asked, this.#of(asked))
    })
  }

  /** One of each party, for those who show how it stands; knows all that it counts. */
  async allowance(party: Party, limits: KeyLimits): Promise<Allowance> {
    this.#clock.look()
    const allowance = this.#allowance(party, limits)
    await allowance.ready()
    return allowance
  }

  /** The limits of a key, with those that all keys have. */
  limitsOfKey(own: KeyLimits | undefined): KeyLimits {
    const { keys } = this.#parts.settings
    if (own === undefined || own === keys) return keys
    let merged = this.#merged.get(own)
    if (!merged) {
      merged = { ...keys, ...own }
      this.#merged.set(own, merged)
    }
    return merged
  }

  #admit(asked: Asked, allowances: readonly Allowance[]): Admitted | Promise<Admitted> {
    const estimate = this.#estimate(asked, allowances)
    this.#refuse(allowances, estimate)
    const setAside: SetAside[] = []
    for (const { rules } of allowances) {
      for (const rule of rules) {
        setAside.push({ unit: rule.unit, reserved: rule.meter.reserve(amountOf(rule, estimate)) })
      }
    }
    const at = this.#clock.time()
    for (const allowance of allowances) allowance.open++
    const finish = (taken: Taken) => {
      this.#clock.look()
      for (const { unit, reserved } of setAside) reserved.settle(taken[unit])
      for (const allowance of allowances) allowance.open--
    }
    const admitted = (leave: () => void): Admitted => {
      this.#clock.look()
      let settled = false
      return {
        standing: standingOf(allowances),
        settle: (settlement) => {
          if (settled) return
          settled = true
          const taken = this.#taken(settlement, estimate)
          finish(taken)
          this.#spend(asked, at, taken)
          leave()
        },
      }
    }
    const nothing = (error: unknown): never => {
      finish({ requests: 0, tokens: 0, usd: 0 })
      throw error
    }
    try {
      const turn = this.#turn(asked, allowances)
      return turn instanceof Promise ? turn.then(admitted, nothing) : admitted(turn)
    } catch (error) {
      return nothing(error)
    }
  }

  #turn({ caller, deadlineAt, signal }: Asked, allowances: readonly Allowance[]): (() => void) | Promise<() => void> {
    const what = (full: Gate) => {
      const { party, gate } = allowances.find(({ gate }) => gate === full) ?? {}
      return `The limit ${party ? partyName(party) : ''} is ${gate?.limit} requests at once, which are running`
    }
    const gates = allowances.map(({ gate }) => gate)
    return this.#turns.take({ keyId: caller.keyId, gates, what, deadlineAt, signal })
  }

  /** Throws where one of the limits has no room: the one that has it last says when to come back. */
  #refuse(allowances: readonly Allowance[], estimate: Estimate): void {
    let worst: Exceeded | undefined
    for (const { party, rules } of allowances) {
      for (const rule of rules) {
        const { limit, meter, unit } = rule
        const amount = amountOf(rule, estimate)
        const taken = meter.taken()
        // What costs nothing as far as is known beforehand, as on one's own hardware, has to stop there too.
        const isSpent = unit === 'usd' && limit > 0 && taken >= limit
        if (taken + amount <= limit && !isSpent) continue
        const waitMs = amount > limit ? Infinity : meter.untilAtMost(limit - amount)
        if (!worst || waitMs > worst.waitMs) worst = { party, rule, amount, waitMs }
      }
    }
    if (!worst) return
    if (worst.rule.unit === 'usd') this.#tell(worst.party, worst.rule, 'budget.hard')
    throw refusal(worst, standingOf(allowances))
  }

  #estimate(asked: Asked, allowances: readonly Allowance[]): Estimate {
    let tokens = false
    let usd = false
    for (const { rules } of allowances) {
      for (const { unit } of rules) {
        if (unit === 'usd') usd = true
        else if (unit === 'tokens') tokens = true
      }
    }
    const { openOutputTokens } = this.#parts.settings
    const { maxOutputTokens, body } = asked
    const input = tokens || usd ? estimateInput(body) : 0
    const output = maxOutputTokens ?? openOutputTokens
    return {
      input,
      output,
      open: maxOutputTokens === undefined,
      usd: usd ? this.#price(asked, input, output) : undefined,
    }
  }

  #price({ served: { provider, model } }: Asked, input: number, output: number): number | undefined {
    const { prices, settings } = this.#parts
    const usage = { inputTokens: { total: input, cacheRead: 0 }, outputTokens: { total: output, reasoning: 0 } }
    const cost = prices?.cost({ provider: provider.name, model, usage, at: Date.now() })
    if (cost || settings.unpriced === 'allow') return cost?.usd
    const name = `${provider.name}/${model}`.slice(0, 200)
    const message = `The price of ${name} is not known, and a budget limits this request. Remedy: state it in prices.models of inferloom.yaml, or set limits.unpriced to allow.`
    throw new InferloomError('price_unknown', message, { param: 'model' })
  }

  /** What a request took, as far as it is known; nothing where it failed, and what was expected where nobody says. */
  #taken({ usage, cost, error }: Settlement, estimate?: Estimate): Taken {
    const expected = error ? undefined : estimate
    const reported = usage && usage.inputTokens.total + usage.outputTokens.total
    const tokens = isSound(reported, mostTokens) ? reported : expected ? expected.input + expected.output : 0
    const usd = isSound(cost, mostDollars) ? cost : usage ? 0 : (expected?.usd ?? 0)
    return { requests: 1, tokens, usd }
  }

  /** Counts it for whoever has something counted by periods now, whether that was so at its beginning or not. */
  #spend(asked: Asked, at: number, taken: Taken): void {
    if (this.#allowances.size === 0) return
    this.#clock.look()
    for (const allowance of this.#of(asked)) {
      allowance.spend(taken, at)
      for (const rule of allowance.rules) {
        if (rule.unit !== 'usd') continue
        const spent = rule.meter.taken()
        if (spent >= rule.limit) this.#tell(allowance.party, rule, 'budget.hard')
        else if (rule.soft !== undefined && spent >= rule.soft) this.#tell(allowance.party, rule, 'budget.soft')
      }
    }
  }

  #tell({ kind, id }: Party, { window, limit: usd, soft, meter }: Rule, event: 'budget.soft' | 'budget.hard'): void {
    if (!(meter instanceof PeriodMeter)) return
    this.#parts.notices.tell({ event, kind, id, window, usd, soft, spent: meter.taken(), period: meter.period })
  }

  /** Whoever limits a request, with the limits as they are now. */
  #of({ caller, model, served }: Asked): Allowance[] {
    const { limitsOf, isRoute, settings } = this.#parts
    const own = limitsOf(caller)
    const found: Allowance[] = []
    const add = (kind: Party['kind'], id: string, limits: KeyLimits) => {
      if (!isEmpty(limits)) found.push(this.#allowance({ kind, id }, limits))
      // Limits that were taken away hold nobody up any more.
      else this.#allowances.get(`${kind}/${id}`)?.limitTo(unlimited)
    }
    add('key', caller.keyId, this.limitsOfKey(own.key))
    if (caller.teamId !== undefined) add('team', caller.teamId, own.team ?? unlimited)
    for (const name of this.#modelNames) {
      if (isNamed(name, model, served.provider.name, served.model)) {
        add(isRoute(name) ? 'route' : 'model', name, settings.models[name] ?? unlimited)
      }
    }
    return found
  }

  #allowance(party: Party, limits: KeyLimits): Allowance {
    const name = `${party.kind}/${party.id}`
    let allowance = this.#allowances.get(name)
    if (!allowance) {
      allowance = new Allowance(party, this.#allowanceParts)
      this.#allowances.set(name, allowance)
    }
    allowance.limitTo(limits)
    allowance.usedAt = this.#clock.elapsed()
    return allowance
  }

  #sweep(): void {
    const now = this.#clock.elapsed()
    if (now - this.#sweptAt < sweepMs) return
    this.#sweptAt = now
    for (const [name, allowance] of this.#allowances) {
      if (now - allowance.usedAt > idleMs && allowance.isIdle) this.#allowances.delete(name)
    }
  }
}

/** What a request needs of a limit. Where the length of its answer is open, what is only expected has to fit in. */
function amountOf({ unit, limit }: Rule, { input, output, open, usd = 0 }: Estimate): number {
  if (unit === 'requests') return 1
  if (unit === 'usd') return open ? Math.min(usd, limit) : usd
  const tokens = input + output
  return open ? Math.min(tokens, Math.max(input, limit)) : tokens
}

function isEmpty(limits: KeyLimits): boolean {
  for (const _ in limits) return false
  return true
}

/** Whoever asks for a model by another of its names has the same limits. */
function isNamed(name: string, asked: string, provider: string, model: string): boolean {
  return name === asked || name === model || name === `${provider}/${model}`
}

/** Providers report what they like: what cannot be counts as not reported. */
function isSound(value: number | undefined, most: number): value is number {
  return value !== undefined && value >= 0 && value <= most
}
