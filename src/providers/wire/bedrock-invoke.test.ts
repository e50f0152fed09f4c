// Fixtures follow https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html and
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
import { describe, expect, test } from 'vitest'
import type { EmbedRequest } from '../../canonical/embed.ts'
import { bedrockEmbed, bedrockRerank } from './bedrock-invoke.ts'

const provider = { provider: 'aws' }
const titan: EmbedRequest = { model: 'amazon.titan-embed-text-v2:0', inputs: ['a'] }
const cohere: EmbedRequest = { model: 'eu.cohere.embed-v4:0', inputs: ['a', 'b'] }
const asked = (request: EmbedRequest) => {
  const { path, body } = bedrockEmbed.request(request, provider)
  return { path, body: JSON.parse(body) as unknown }
}
const refused = (param: string) => expect.objectContaining({ code: 'unsupported_parameter', param }) as Error

describe('Titan', () => {
  test('takes one text at a time', () => {
    expect(bedrockEmbed.most?.(titan.model)).toBe(1)
    expect(asked({ ...titan, dimensions: 256 })).toEqual({
      path: '/model/amazon.titan-embed-text-v2%3A0/invoke',
      body: { inputText: 'a', dimensions: 256 },
    })
    const reply = { embedding: [3, 4], inputTextTokenCount: 2, embeddingsByType: { float: [3, 4] } }
    expect(bedrockEmbed.result(reply, titan)).toEqual({ embeddings: [Float32Array.of(0.6, 0.8)], inputTokens: 2 })
  })

  test('has no purposes, and its first version one length', () => {
    expect(() => asked({ ...titan, purpose: 'query' })).toThrow(refused('input_type'))
    expect(() => asked({ model: 'amazon.titan-embed-text-v1', inputs: ['a'], dimensions: 256 })).toThrow(
      refused('dimensions'),
    )
  })
})

describe('Cohere', () => {
  test('takes many texts, and what they are for', () => {
    expect(bedrockEmbed.most?.(cohere.model)).toBe(96)
    expect(asked({ ...cohere, dimensions: 512, purpose: 'query' })).toEqual({
      path: '/model/eu.cohere.embed-v4%3A0/invoke',
      body: {
        texts: ['a', 'b'],
        input_type: 'search_query',
        embedding_types: ['float'],
        output_dimension: 512,
        truncate: 'NONE',
      },
    })
    expect(() => asked({ ...cohere, model: 'cohere.embed-english-v3', dimensions: 512 })).toThrow(refused('dimensions'))
  })

  test('answers by type or without, and counts tokens beside its answer', () => {
    const float = [
      [3, 4],
      [0, 1],
    ]
    const expected = { embeddings: [Float32Array.of(0.6, 0.8), Float32Array.of(0, 1)], inputTokens: 7 }
    const headers = { 'x-amzn-bedrock-input-token-count': '7' }
    expect(bedrockEmbed.result({ embeddings: { float } }, cohere, headers)).toEqual(expected)
    expect(bedrockEmbed.result({ embeddings: float }, cohere, headers)).toEqual(expected)
    expect(bedrockEmbed.result({ embeddings: float }, cohere, {}).inputTokens).toBe(0)
    expect(() => bedrockEmbed.result({ embeddings: [[1]] }, cohere)).toThrow(/1 vectors for 2 inputs/)
  })

  test('ranks', () => {
    const request = { model: 'cohere.rerank-v3-5:0', query: 'q', documents: ['a', 'b'], topN: 1 }
    const { path, body } = bedrockRerank.request(request, provider)
    expect(path).toBe('/model/cohere.rerank-v3-5%3A0/invoke')
    expect(JSON.parse(body)).toEqual({ api_version: 2, query: 'q', documents: ['a', 'b'], top_n: 1 })
    expect(bedrockRerank.result({ results: [{ index: 1, relevance_score: 0.5 }] }, request).ranking).toEqual([
      { index: 1, score: 0.5 },
    ])
    expect(() => bedrockRerank.request({ ...request, documentTokens: 5 }, provider)).toThrow(
      refused('max_tokens_per_doc'),
    )
  })
})

test('models of others are refused by what they cannot do', () => {
  const model = 'anthropic.claude-sonnet-4-5-20250929-v1:0'
  expect(() => asked({ model, inputs: ['a'] })).toThrow(refused('embeddings of this model'))
  expect(() => bedrockRerank.request({ model, query: 'q', documents: ['a'] }, provider)).toThrow(
    refused('rankings of this model'),
  )
})
