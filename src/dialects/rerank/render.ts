import type { RerankResult } from '../../canonical/embed.ts'

interface RerankBodyOptions {
  readonly id: string
  readonly model: string
  /** Absent where the client does not want them back. */
  readonly documents?: readonly string[]
}

/** `usage` is Jina's, `meta` is Cohere's. */
export function rerankBody(
  { ranking, inputTokens, cost }: RerankResult,
  { id, model, documents }: RerankBodyOptions,
): string {
  return JSON.stringify({
    id: `rerank-${id}`,
    object: 'list',
    model,
    results: ranking.map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(documents && { document: { text: documents[index] } }),
    })),
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens, ...(cost !== undefined && { cost }) },
    meta: { tokens: { input_tokens: inputTokens, output_tokens: 0 } },
  })
}
