import { expect, test } from 'vitest'
import type { EmbedPurpose, EmbedRequest } from '../../canonical/embed.ts'
import { cohereEmbed } from './cohere-embed.ts'
import { geminiEmbed, vertexEmbed } from './gemini-embed.ts'
import { mistralEmbeddingsWire } from './mistral-embeddings.ts'
import { openaiEmbeddingsWire } from './openai-embeddings.ts'
import type { EmbedWire } from './wire.ts'

const nvidia = openaiEmbeddingsWire({ purposes: { query: 'query', document: 'passage' } })
const asked = (wire: EmbedWire, purpose: EmbedPurpose, model = 'm') => {
  const request: EmbedRequest = { model, inputs: ['a'], purpose }
  return JSON.parse(wire.request(request, { provider: 'p' }).body) as object
}

test('what vectors are for reaches a provider in its own word', () => {
  expect(asked(cohereEmbed, 'query')).toMatchObject({ input_type: 'search_query' })
  expect(asked(nvidia, 'document')).toMatchObject({ input_type: 'passage' })
  const google = 'gemini-embedding-001'
  expect(asked(geminiEmbed, 'code-query', google)).toMatchObject({ requests: [{ taskType: 'CODE_RETRIEVAL_QUERY' }] })
  expect(asked(vertexEmbed, 'document', google)).toMatchObject({ instances: [{ task_type: 'RETRIEVAL_DOCUMENT' }] })
})

test('it is refused by name where there is none', () => {
  const refused = (wire: EmbedWire, purpose: EmbedPurpose, model?: string) =>
    expect(() => asked(wire, purpose, model)).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param: 'input_type' }),
    )
  refused(cohereEmbed, 'similarity')
  refused(nvidia, 'clustering')
  refused(openaiEmbeddingsWire(), 'query')
  refused(mistralEmbeddingsWire(), 'query')
  refused(geminiEmbed, 'query', 'gemini-embedding-2')
})
