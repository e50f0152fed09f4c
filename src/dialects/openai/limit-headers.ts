// https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
import type { LimitLeft, LimitStanding } from '../../canonical/limit-standing.ts'

export function limitHeaders({ requests, tokens }: LimitStanding): Record<string, string> {
  return { ...headersOf('requests', requests), ...headersOf('tokens', tokens) }
}

function headersOf(unit: string, left: LimitLeft | undefined): Record<string, string> {
  if (!left) return {}
  return {
    [`x-ratelimit-limit-${unit}`]: String(left.limit),
    [`x-ratelimit-remaining-${unit}`]: String(left.remaining),
    [`x-ratelimit-reset-${unit}`]: durationText(left.resetMs),
  }
}

/** As they write it: `12ms`, `1s`, `6m0s`, `23h59m59s`. */
function durationText(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const seconds = Math.ceil(ms / 1000)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}
