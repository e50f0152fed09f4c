import type { Usage } from '../../canonical/usage.ts'
import { countOf, isRecord, recordOf } from './fields.ts'

/** What is reported where a provider says nothing of usage. */
export const unknownUsage: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } }

/** OpenAI's usage object, with what others add to it. https://platform.openai.com/docs/api-reference/chat/object */
export function openaiUsage(raw: unknown, serviceTier?: string): Usage | undefined {
  if (!isRecord(raw)) return undefined
  const prompt = recordOf(raw['prompt_tokens_details'])
  const completion = recordOf(raw['completion_tokens_details'])
  const input = countOf(raw['prompt_tokens']) ?? 0
  const output = countOf(raw['completion_tokens']) ?? 0
  const reasoning = countOf(completion['reasoning_tokens']) ?? countOf(raw['reasoning_tokens']) ?? 0
  // xAI counts thoughts beside the completion, not within it: https://docs.x.ai/docs/guides/reasoning
  const beside = reasoning > 0 && countOf(raw['total_tokens']) === input + output + reasoning
  const searches = countOf(raw['num_search_queries']) ?? countOf(raw['num_sources_used'])
  return {
    inputTokens: {
      total: input,
      cacheRead:
        countOf(prompt['cached_tokens']) ??
        // https://api-docs.deepseek.com/guides/kv_cache
        countOf(raw['prompt_cache_hit_tokens']) ??
        // https://platform.moonshot.ai/docs/api/chat
        countOf(raw['cached_tokens']) ??
        0,
      // https://openrouter.ai/docs/guides/best-practices/prompt-caching
      ...given('cacheWrite', prompt['cache_write_tokens']),
      ...given('audio', prompt['audio_tokens']),
      ...given('image', prompt['image_tokens']),
    },
    outputTokens: {
      total: beside ? output + reasoning : output,
      reasoning,
      ...given('audio', completion['audio_tokens']),
      ...given('acceptedPrediction', completion['accepted_prediction_tokens']),
      ...given('rejectedPrediction', completion['rejected_prediction_tokens']),
    },
    ...(serviceTier !== undefined && { serviceTier }),
    // https://docs.perplexity.ai/api-reference/chat-completions-post and https://docs.x.ai/docs/guides/live-search
    ...(searches !== undefined && searches > 0 && { counts: { web_search: searches } }),
    ...chargedBy(raw['cost']),
    raw,
  }
}

/** https://openrouter.ai/docs/use-cases/usage-accounting: a credit is a dollar. */
function chargedBy(cost: unknown): Pick<Usage, 'charged'> {
  return typeof cost === 'number' && Number.isFinite(cost) && cost >= 0 ? { charged: cost } : {}
}

function given<Name extends string>(name: Name, value: unknown): Partial<Record<Name, number>> {
  const count = countOf(value)
  return count === undefined ? {} : ({ [name]: count } as Record<Name, number>)
}
