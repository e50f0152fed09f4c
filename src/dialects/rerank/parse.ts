// Cohere's v2 (https://docs.cohere.com/reference/rerank) and Jina's (https://jina.ai/reranker), which agree but for
// the names of a few fields; there is no third shape that both clients could not read.
import { z } from 'zod'
import type { RerankRequest, RerankResult } from '../../canonical/embed.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { parseBody, text } from '../openai/parameters.ts'
import { rerankBody } from './render.ts'

const mostDocuments = 2048

const body = z.object({
  model: z.string().min(1),
  query: text.min(1),
  documents: z
    .array(z.union([text.min(1), z.strictObject({ text: text.min(1) }).transform((document) => document.text)]))
    .min(1)
    .max(mostDocuments),
  top_n: z.int().min(1).optional(),
  max_tokens_per_doc: z.int().min(1).optional(),
  return_documents: z.boolean().default(false),
})

export const rerank: OneShotDialect<RerankRequest, RerankResult> = {
  name: 'rerank',
  paths: ['/v1/rerank', '/v2/rerank', '/rerank'],
  parse(given) {
    const parsed = parseBody(body, given)
    const { model, query, documents, top_n: topN, max_tokens_per_doc: documentTokens } = parsed
    return {
      request: {
        model,
        query,
        documents,
        ...(topN !== undefined && { topN }),
        ...(documentTokens !== undefined && { documentTokens }),
      },
      write: (id, result) => rerankBody(result, { id, model, ...(parsed.return_documents && { documents }) }),
    }
  },
}
