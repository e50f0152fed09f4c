import { costMembers, type Usage } from '../../canonical/usage.ts'

/** https://ai.google.dev/api/generate-content#UsageMetadata: thoughts are counted beside the candidates. */
export function usageMetadata({ inputTokens, outputTokens, cost }: Usage) {
  const { total: promptTokenCount, cacheRead } = inputTokens
  const { total, reasoning } = outputTokens
  return {
    promptTokenCount,
    candidatesTokenCount: total - reasoning,
    totalTokenCount: promptTokenCount + total,
    ...(cacheRead > 0 && { cachedContentTokenCount: cacheRead }),
    ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
    ...costMembers(cost),
  }
}
