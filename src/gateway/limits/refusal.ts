import { InferloomError } from '../../canonical/errors.ts'
import type { LimitStanding } from '../../canonical/limit-standing.ts'
import type { Party, Rule } from './allowance.ts'

const shownNumber = new Intl.NumberFormat('en')

/** A limit that has no room for a request. */
export interface Exceeded {
  readonly party: Party
  readonly rule: Rule
  /** What the request needs of it. */
  readonly amount: number
  readonly waitMs: number
}

/** What the client is told: which limit, how much of it is left, and when to come back. */
export function refusal({ party, rule, amount, waitMs }: Exceeded, standing: LimitStanding): InferloomError {
  const { unit, window, limit, meter } = rule
  const left = Math.max(0, limit - meter.taken())
  const whose = partyName(party)
  const wait = Number.isFinite(waitMs) ? { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) } : {}
  const details = { ...wait, standing }
  const until = wait.retryAfterSeconds === undefined ? '' : `wait ${wait.retryAfterSeconds} seconds, `
  if (unit === 'usd') {
    const message = `The budget of ${dollars(limit)} a ${window} ${whose} has ${dollars(left)} left, and this request may cost ${dollars(amount)}. Remedy: ask for less with a lower max_tokens, ${until}or raise the budget.`
    return new InferloomError('budget_exceeded', message, details)
  }
  const shown = shownNumber.format(limit)
  if (amount > limit) {
    const message = `The request needs about ${shownNumber.format(amount)} tokens, and the limit ${whose} is ${shown} a ${window}. Remedy: shorten the prompt, lower max_tokens, or raise the limit.`
    return new InferloomError('rate_limited', message, { standing })
  }
  const needs =
    unit === 'tokens'
      ? ` has ${shownNumber.format(left)} left, and this request needs about ${shownNumber.format(amount)}`
      : ' is used up'
  const message = `The limit of ${shown} ${unit} a ${window} ${whose}${needs}. Remedy: ${until}or raise the limit.`
  return new InferloomError('rate_limited', message, details)
}

export function partyName({ kind, id }: Party): string {
  return kind === 'model' || kind === 'route' ? `of the ${kind} ${id}` : `of this ${kind}`
}

/** Small amounts with the digits that tell them apart. */
export function dollars(usd: number): string {
  return `$${usd !== 0 && usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`
}
