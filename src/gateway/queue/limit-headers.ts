/** What can be limited by a provider. */
export type LimitedUnit = 'requests' | 'tokens' | 'inputTokens' | 'outputTokens'

/** What an answer says of one limit. */
export interface SaidLimit {
  readonly unit: LimitedUnit
  readonly limit: number | undefined
  readonly remaining: number | undefined
  /** Milliseconds until all of it is there again. */
  readonly resetMs: number | undefined
}

interface Names {
  readonly unit: LimitedUnit
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

/**
 * Headers that say what may still be asked:
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 * https://docs.claude.com/en/api/rate-limits#response-headers
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06
 */
const limitHeaders: readonly Names[] = [
  ...(['requests', 'tokens'] as const).map((unit) => ({
    unit,
    limit: `x-ratelimit-limit-${unit}`,
    remaining: `x-ratelimit-remaining-${unit}`,
    reset: `x-ratelimit-reset-${unit}`,
  })),
  ...(
    [
      ['requests', 'requests'],
      ['tokens', 'tokens'],
      ['input-tokens', 'inputTokens'],
      ['output-tokens', 'outputTokens'],
    ] as const
  ).map(([name, unit]) => ({
    unit,
    limit: `anthropic-ratelimit-${name}-limit`,
    remaining: `anthropic-ratelimit-${name}-remaining`,
    reset: `anthropic-ratelimit-${name}-reset`,
  })),
  { unit: 'requests', limit: 'ratelimit-limit', remaining: 'ratelimit-remaining', reset: 'ratelimit-reset' },
]

/** No answer says more than that and means it. */
const most = 1e12

/** What the headers of an answer say of limits, names in lower case. `at` is milliseconds since 1970. */
export function saidLimits(headers: Readonly<Record<string, string>>, at: number): readonly SaidLimit[] {
  let said: SaidLimit[] | undefined
  for (const { unit, limit, remaining, reset } of limitHeaders) {
    const left = headers[remaining]
    if (left === undefined) continue
    const resetMs = headers[reset] === undefined ? undefined : milliseconds(headers[reset], at)
    ;(said ??= []).push({ unit, limit: count(headers[limit]), remaining: count(left), resetMs })
  }
  return said ?? nothing
}

const nothing: readonly SaidLimit[] = []

function count(text: string | undefined): number | undefined {
  const value = text === undefined || text.trim() === '' ? NaN : Number(text)
  return value >= 0 && value <= most ? value : undefined
}

const unitsMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
/** Seconds since 1970 look like that, and nobody waits for so many seconds. */
const firstEpoch = 1_000_000_000

/** `1s`, `6m0s`, `17ms`; seconds; seconds since 1970; or a date. */
function milliseconds(text: string, at: number): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text.trim()) {
    return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (unitsMs[unit ?? ''] ?? 0), 0)
  }
  const seconds = count(text)
  if (seconds !== undefined) return seconds >= firstEpoch ? Math.max(0, seconds * 1000 - at) : seconds * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - at)
}
