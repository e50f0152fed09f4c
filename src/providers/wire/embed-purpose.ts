import type { EmbedPurpose, EmbedRequest } from '../../canonical/embed.ts'
import { unsupported } from './unsupported.ts'

export type PurposeWords = Partial<Readonly<Record<EmbedPurpose, string>>>

/** What a wire calls the purpose of a request; undefined where it has none. Refused where the wire has no word for it. */
export function purposeWord({ purpose }: EmbedRequest, words: PurposeWords, provider: string): string | undefined {
  if (purpose === undefined) return undefined
  const word = words[purpose]
  if (word !== undefined) return word
  const known = Object.keys(words)
  const remedy = known.length > 0 ? `use one for ${known.join(', ')}` : 'leave it out'
  throw unsupported('input_type', provider, `${remedy} (Gemini calls it taskType)`)
}

/** https://docs.cohere.com/reference/embed */
export const coherePurposes: PurposeWords = {
  query: 'search_query',
  document: 'search_document',
  classification: 'classification',
  clustering: 'clustering',
}

/** https://ai.google.dev/gemini-api/docs/embeddings#supported-task-types */
export const googlePurposes: PurposeWords = {
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  similarity: 'SEMANTIC_SIMILARITY',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  question: 'QUESTION_ANSWERING',
  'fact-check': 'FACT_VERIFICATION',
  'code-query': 'CODE_RETRIEVAL_QUERY',
}
