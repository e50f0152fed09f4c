import { InferloomError } from '../canonical/errors.ts'
import { windows, type KeyLimits, type Window } from '../server/key-fields.ts'
import { dollars } from './format.ts'

export interface LimitFlags {
  readonly budget?: string
  readonly rpm?: string
  readonly tpm?: string
  readonly concurrency?: string
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

type LimitFields = { readonly [Name in 'rpm' | 'tpm' | 'concurrency' | 'budgets']?: KeyLimits[Name] | null }

/**
 * `--budget 20/month,2/day:1` (the soft limit after a colon), `--rpm 60` …; null for `none`, which takes one away
 * again. Undefined where no flag was given.
 */
export function limitsIn({ budget, rpm, tpm, concurrency }: LimitFlags): LimitFields | undefined {
  const given = { budget, rpm, tpm, concurrency }
  if (Object.values(given).every((value) => value === undefined)) return undefined
  return {
    ...(rpm !== undefined && { rpm: wholeIn('--rpm', rpm) }),
    ...(tpm !== undefined && { tpm: wholeIn('--tpm', tpm) }),
    ...(concurrency !== undefined && { concurrency: wholeIn('--concurrency', concurrency) }),
    ...(budget !== undefined && { budgets: budget === 'none' ? null : budget.split(',').map(budgetIn) }),
  }
}

function budgetIn(text: string): NonNullable<KeyLimits['budgets']>[number] {
  const [, usd, window = 'month', soft] =
    /^\$?(\d+(?:\.\d+)?)(?:\/(\w+))?(?::\$?(\d+(?:\.\d+)?))?$/.exec(text.trim()) ?? []
  if (usd === undefined || !windows.includes(window as Window)) {
    const message = `--budget '${text.slice(0, 50)}' is none. Remedy: write dollars and a window, such as 20/month or 20/month:15 with a warning from 15 on; windows are ${windows.join(', ')}.`
    throw new InferloomError('invalid_value', message)
  }
  return { usd: Number(usd), window: window as Window, ...(soft !== undefined && { soft: Number(soft) }) }
}

function wholeIn(flag: string, text: string): number | null {
  if (text === 'none') return null
  if (/^\d{1,12}$/.test(text) && Number(text) > 0) return Number(text)
  throw new InferloomError('invalid_value', `${flag} must be a whole number of 1 or more, not '${text.slice(0, 50)}'.`)
}

/** `30d`, `12h`, or a date: milliseconds since 1970. */
export function momentIn(text: string): number {
  const [, amount, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? []
  if (amount !== undefined) return Date.now() + Number(amount) * (unitMs[unit ?? ''] ?? 0)
  const moment = Date.parse(text)
  if (/^\d{4}-\d\d/.test(text) && !Number.isNaN(moment)) return moment
  const message = `'${text.slice(0, 50)}' is no time. Remedy: write how long from now, such as 12h, 30d or 4w, or a date such as 2027-01-31.`
  throw new InferloomError('invalid_value', message)
}

/** `60 requests/min, $20.00/month` */
export function shownLimits({ rpm, tpm, requests = [], tokens = [], concurrency, budgets = [] }: KeyLimits): string {
  const parts = [
    ...(rpm === undefined ? [] : [`${rpm} requests/min`]),
    ...(tpm === undefined ? [] : [`${tpm} tokens/min`]),
    ...requests.map(({ limit, window }) => `${limit} requests/${window}`),
    ...tokens.map(({ limit, window }) => `${limit} tokens/${window}`),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...budgets.map(({ usd, window }) => `${dollars(usd)}/${window}`),
  ]
  return parts.join(', ') || 'no limits of its own'
}
