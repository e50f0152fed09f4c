// https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance
import { costMembers, type Usage } from '../../canonical/usage.ts'

/** What was read from or written to a cache is counted beside `input_tokens`, not in it. */
export function deltaUsage({ inputTokens, outputTokens, counts, cost }: Usage) {
  const { total, cacheRead, cacheWrite = 0 } = inputTokens
  const { reasoning } = outputTokens
  return {
    input_tokens: Math.max(0, total - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: outputTokens.total,
    ...(reasoning > 0 && { output_tokens_details: { thinking_tokens: reasoning } }),
    ...(counts && { server_tool_use: requestsOf(counts) }),
    ...costMembers(cost),
  }
}

/** The same for a whole answer, which says more. */
export function usageBody(usage: Usage) {
  const { cacheWrite = 0, cacheWriteHour = 0 } = usage.inputTokens
  return {
    ...deltaUsage(usage),
    cache_creation: {
      ephemeral_5m_input_tokens: Math.max(0, cacheWrite - cacheWriteHour),
      ephemeral_1h_input_tokens: cacheWriteHour,
    },
    service_tier: tierOf(usage.serviceTier),
  }
}

export const noUsage: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } }

function requestsOf(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${name}_requests`, count]))
}

/** Anthropic has three words; what others call their usual tier is its `standard`. */
function tierOf(tier: string | undefined): string {
  return tier === 'priority' || tier === 'batch' ? tier : 'standard'
}
