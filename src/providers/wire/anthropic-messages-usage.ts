// https://platform.claude.com/docs/en/api/messages/create#response-usage
import { z } from 'zod'
import type { Usage } from '../../canonical/usage.ts'

const count = z.number().min(0).nullish()

export const usage = z
  .object({
    input_tokens: count,
    output_tokens: count,
    cache_read_input_tokens: count,
    cache_creation_input_tokens: count,
    cache_creation: z.object({ ephemeral_1h_input_tokens: count }).nullish(),
    output_tokens_details: z.object({ thinking_tokens: count }).nullish(),
    server_tool_use: z.record(z.string(), z.unknown()).nullish(),
    service_tier: z.string().nullish(),
  })
  .loose()

export type MessagesUsage = z.infer<typeof usage>

/** The end of a stream tells totals again, but only those that it knows. */
export function mergedUsage(before: MessagesUsage, now: MessagesUsage): MessagesUsage {
  return { ...before, ...Object.fromEntries(Object.entries(now).filter(([, value]) => value !== null)) }
}

/** What was read from or written to a cache is counted beside `input_tokens`, not in it. */
export function canonicalUsage(given: MessagesUsage): Usage {
  const read = given.cache_read_input_tokens ?? 0
  const written = given.cache_creation_input_tokens
  const hour = given.cache_creation?.ephemeral_1h_input_tokens
  const counts = countsOf(given.server_tool_use ?? {})
  return {
    inputTokens: {
      total: (given.input_tokens ?? 0) + read + (written ?? 0),
      cacheRead: read,
      ...(typeof written === 'number' && { cacheWrite: written }),
      ...(typeof hour === 'number' && { cacheWriteHour: hour }),
    },
    outputTokens: {
      total: given.output_tokens ?? 0,
      reasoning: given.output_tokens_details?.thinking_tokens ?? 0,
    },
    ...(typeof given.service_tier === 'string' && { serviceTier: given.service_tier }),
    ...(Object.keys(counts).length > 0 && { counts }),
    raw: given,
  }
}

/** `web_search_requests` and its like. */
function countsOf(used: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(used).flatMap(([name, value]) =>
      typeof value === 'number' && value > 0 ? [[name.replace(/_requests$/, ''), value]] : [],
    ),
  )
}
