// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
import { z } from 'zod'
import type { Usage } from '../../canonical/usage.ts'

const count = z.number().min(0).optional()

export const usage = z
  .object({
    inputTokens: count,
    outputTokens: count,
    cacheReadInputTokens: count,
    cacheWriteInputTokens: count,
    cacheDetails: z.array(z.object({ ttl: z.string(), inputTokens: z.number() })).optional(),
  })
  .loose()

export type ConverseUsage = z.infer<typeof usage>

/** Converse counts what it read from or wrote to its cache beside `inputTokens`, not in it. */
export function converseUsage(given: ConverseUsage, tier: string | undefined): Usage {
  const { inputTokens = 0, outputTokens = 0, cacheReadInputTokens: read = 0, cacheWriteInputTokens: written } = given
  const hour = given.cacheDetails?.filter(({ ttl }) => ttl === '1h').reduce((sum, each) => sum + each.inputTokens, 0)
  return {
    inputTokens: {
      total: inputTokens + read + (written ?? 0),
      cacheRead: read,
      ...(written !== undefined && { cacheWrite: written }),
      ...(hour !== undefined && { cacheWriteHour: hour }),
    },
    outputTokens: { total: outputTokens, reasoning: 0 },
    ...(tier !== undefined && { serviceTier: tier }),
    raw: given,
  }
}
