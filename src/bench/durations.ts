import { InferloomError } from '../canonical/errors.ts'

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const longestMs = 24 * 3_600_000

/** `500ms`, `1.5s`, `2m` in milliseconds. Throws `invalid_value` where it is none, or longer than a day. */
export function parseDuration(text: string, option: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const milliseconds = Number(number) * (units[unit] ?? Number.NaN)
  if (number !== '' && milliseconds <= longestMs) return milliseconds
  throw new InferloomError(
    'invalid_value',
    `${option} = '${text.slice(0, 40)}' is not a duration. It is a number with its unit, such as 500ms, 10s or 2m, of 24 hours at most.`,
    { param: option },
  )
}
