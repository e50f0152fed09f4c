// Fixtures follow https://docs.cohere.com/reference/embed and https://docs.cohere.com/reference/rerank
import { expect, test } from 'vitest'
import { cohereEmbed } from './cohere-embed.ts'
import { cohereRerank } from './cohere-rerank.ts'

const provider = { provider: 'cohere' }
const embed = { model: 'embed-v4.0', inputs: ['a', 'b'] }
const rerank = { model: 'rerank-v3.5', query: 'q', documents: ['a', 'b', 'c'] }
const invalid = expect.objectContaining({ code: 'provider_invalid_reply' })

test('an embedding is asked for whole, as floats, and comes back at length 1', () => {
  const { path, body } = cohereEmbed.request({ ...embed, dimensions: 2 }, provider)
  expect(path).toBe('/v2/embed')
  expect(JSON.parse(body)).toEqual({
    model: 'embed-v4.0',
    texts: ['a', 'b'],
    input_type: 'search_document',
    embedding_types: ['float'],
    output_dimension: 2,
    truncate: 'NONE',
  })
  const float = [
    [3, 4],
    [0, 0],
  ]
  const { embeddings, inputTokens } = cohereEmbed.result(
    { embeddings: { float }, meta: { billed_units: { input_tokens: 7 } } },
    embed,
  )
  expect(embeddings).toEqual([Float32Array.of(0.6, 0.8), Float32Array.of(0, 0)])
  expect(inputTokens).toBe(7)
})

test('token ids are refused by name, and a wrong number of vectors is no answer', () => {
  expect(() => cohereEmbed.request({ ...embed, inputs: ['a', [1]] }, provider)).toThrow(/input\[1\] as token ids/)
  expect(() => cohereEmbed.result({ embeddings: { float: [[1]] } }, embed)).toThrow(invalid)
  expect(() => cohereEmbed.result({ embeddings: [[1]] }, embed)).toThrow(invalid)
})

test('a ranking comes back best first, of documents that there are', () => {
  const { path, body } = cohereRerank.request({ ...rerank, topN: 2, documentTokens: 9 }, provider)
  expect(path).toBe('/v2/rerank')
  expect(JSON.parse(body)).toEqual({ ...rerank, top_n: 2, max_tokens_per_doc: 9 })
  const results = [
    { index: 0, relevance_score: 0.1 },
    { index: 2, relevance_score: 0.9 },
  ]
  expect(cohereRerank.result({ results, meta: { billed_units: { search_units: 1 } } }, rerank)).toEqual({
    ranking: [
      { index: 2, score: 0.9 },
      { index: 0, score: 0.1 },
    ],
    inputTokens: 0,
  })
  expect(() => cohereRerank.result({ results: [{ index: 3, relevance_score: 1 }] }, rerank)).toThrow(invalid)
})
