// https://platform.claude.com/docs/en/api/rate-limits#response-headers
import type { LimitLeft, LimitStanding } from '../../canonical/limit-standing.ts'

export function limitHeaders({ requests, tokens }: LimitStanding): Record<string, string> {
  return { ...headersOf('requests', requests), ...headersOf('tokens', tokens) }
}

function headersOf(unit: string, left: LimitLeft | undefined): Record<string, string> {
  if (!left) return {}
  return {
    [`anthropic-ratelimit-${unit}-limit`]: String(left.limit),
    [`anthropic-ratelimit-${unit}-remaining`]: String(left.remaining),
    // Theirs are moments, in whole seconds.
    [`anthropic-ratelimit-${unit}-reset`]: new Date(Date.now() + left.resetMs).toISOString().replace(/\.\d+/, ''),
  }
}
