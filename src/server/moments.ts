import { InferloomError } from '../canonical/errors.ts'

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `30d` before now, or a date: `2026-11-01`, `2026-11-01T12:00Z`. In milliseconds since 1970. */
export function momentOf(param: string, given: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(given) ?? []
  const ago = count === undefined ? undefined : Number(count) * (unitMs[unit] ?? 0)
  const moment = ago === undefined ? dateOf(given) : now - ago
  if (moment >= 0 && moment <= now + (unitMs['d'] ?? 0)) return moment
  const message = `${param} = ${given.slice(0, 40)} is not valid: it is a time ago, such as 90m, 24h, 30d or 4w, or a date such as 2026-11-01.`
  throw new InferloomError('invalid_value', message, { param })
}

/** Without a zone it is UTC, as the days of sums are. */
function dateOf(given: string): number {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(\.\d{1,3})?(Z|[+-]\d\d:\d\d)?)?$/.test(given)) return Number.NaN
  return Date.parse(given.includes('T') && !/(Z|[+-]\d\d:\d\d)$/.test(given) ? `${given}Z` : given)
}
