// https://docs.cohere.com/reference/rerank
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import { cohereRefusal } from './cohere-refusal.ts'
import { checked } from './read-json.ts'
import type { RerankWire } from './wire.ts'

const reply = z.object({
  results: z.array(z.object({ index: z.int().min(0), relevance_score: z.number() })),
  meta: z.object({ tokens: z.object({ input_tokens: z.number().min(0).nullish() }).nullish() }).nullish(),
})

export const cohereRerank: RerankWire = {
  request({ model, query, documents, topN, documentTokens }) {
    // Where nothing is said it cuts each document after 4096 tokens; there is no number that means never.
    const body = { model, query, documents, top_n: topN, max_tokens_per_doc: documentTokens }
    return { path: '/v2/rerank', body: JSON.stringify(body) }
  },
  result(body, { documents }) {
    const { results, meta } = checked(reply, body)
    const ranking = results.map(({ index, relevance_score: score }) => {
      if (index < documents.length) return { index, score }
      throw new InferloomError('provider_invalid_reply', `The provider ranked document ${index}, which there is not.`)
    })
    return {
      ranking: ranking.sort((a, b) => b.score - a.score),
      // It bills searches, and rarely says how many tokens they were.
      inputTokens: meta?.tokens?.input_tokens ?? 0,
    }
  },
  refusal: cohereRefusal,
}
