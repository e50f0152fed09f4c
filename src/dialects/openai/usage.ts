import { costMembers, type Usage } from '../../canonical/usage.ts'

/** OpenAI's usage object: https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage */
export function usageBody({ inputTokens, outputTokens, cost }: Usage) {
  return {
    prompt_tokens: inputTokens.total,
    completion_tokens: outputTokens.total,
    total_tokens: inputTokens.total + outputTokens.total,
    prompt_tokens_details: {
      cached_tokens: inputTokens.cacheRead,
      // Told only where the provider says: most find their caches themselves.
      ...(inputTokens.cacheWrite !== undefined && { cache_write_tokens: inputTokens.cacheWrite }),
    },
    completion_tokens_details: { reasoning_tokens: outputTokens.reasoning },
    // As OpenRouter names it: https://openrouter.ai/docs/use-cases/usage-accounting
    ...costMembers(cost),
  }
}
