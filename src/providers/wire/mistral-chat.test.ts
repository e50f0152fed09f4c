// Fixtures follow https://docs.mistral.ai/api/endpoint/chat and https://docs.mistral.ai/capabilities/reasoning
import { describe, expect, test } from 'vitest'
import type { GenerateRequest } from '../../canonical/request.ts'
import { mistralChatWire } from './mistral-chat.ts'
import { mistralEmbeddingsWire } from './mistral-embeddings.ts'

const provider = 'mistral'
const wire = mistralChatWire()

function bodyOf(change: Partial<GenerateRequest> = {}, of = wire) {
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const request: GenerateRequest = { model: 'mistral-small-latest', input, n: 1, stop: [], sampling: {}, ...change }
  return JSON.parse(of.request(request, { provider, stream: true }).body) as Record<string, unknown>
}

const chat = (...messages: Extract<GenerateRequest['input'], { kind: 'chat' }>['messages']) => ({
  input: { kind: 'chat' as const, messages },
})

describe('a request', () => {
  test('has no field that Mistral would refuse, and its own name for the seed', () => {
    expect(
      bodyOf({ n: 2, sampling: { seed: 7, temperature: 0 }, maxOutputTokens: 5, stop: ['a'], promptCacheKey: 'k' }),
    ).toEqual({
      model: 'mistral-small-latest',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      n: 2,
      random_seed: 7,
      temperature: 0,
      max_tokens: 5,
      stop: ['a'],
      prompt_cache_key: 'k',
    })
    expect(bodyOf({}, mistralChatWire({ safe_prompt: true }))).toMatchObject({ safe_prompt: true })
  })

  test('has ids of nine letters and digits, the same for a call and its result, and thoughts as parts', () => {
    const id = 'call_0123456789abcdef'
    const { messages } = bodyOf(
      chat(
        { role: 'user', content: 'Go' },
        {
          role: 'assistant',
          content: 'So',
          reasoning: 'Hm',
          toolCalls: [
            { id, name: 'f', arguments: '' },
            { id: 'gSIMJiOkT', name: 'g', arguments: '{}' },
          ],
        },
        { role: 'tool', toolCallId: id, content: 'Done' },
        { role: 'tool', toolCallId: 'gSIMJiOkT', content: 'Done' },
      ),
    ) as unknown as { messages: [unknown, { content: unknown; tool_calls: { id: string }[] }, ...object[]] }
    const [, turn, ...results] = messages
    expect(turn.content).toEqual([
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
      { type: 'text', text: 'So' },
    ])
    const [first, second] = turn.tool_calls
    expect(first?.id).toMatch(/^[a-zA-Z0-9]{9}$/)
    expect(second?.id).toBe('gSIMJiOkT')
    expect(results).toEqual([
      { role: 'tool', tool_call_id: first?.id, content: 'Done' },
      { role: 'tool', tool_call_id: 'gSIMJiOkT', content: 'Done' },
    ])
  })

  test('has documents and sounds in Mistral’s form', () => {
    const content = [
      { type: 'file' as const, url: 'https://a.example/b.pdf', name: 'b.pdf' },
      { type: 'audio' as const, url: 'data:audio/wav;base64,UklG' },
      { type: 'image' as const, url: 'https://a.example/c.png' },
    ]
    expect(bodyOf(chat({ role: 'user', content }))['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'document_url', document_url: 'https://a.example/b.pdf', document_name: 'b.pdf' },
          { type: 'input_audio', input_audio: 'UklG' },
          { type: 'image_url', image_url: { url: 'https://a.example/c.png' } },
        ],
      },
    ])
  })

  test.each<[string, Partial<GenerateRequest>]>([
    ['prompt', { input: { kind: 'text', prompts: ['a'] } }],
    ['logprobs', { topLogprobs: 0 }],
    ['logit_bias', { sampling: { logitBias: new Map([[1, 1]]) } }],
    ['top_k', { sampling: { topK: 5 } }],
    ['verbosity', { verbosity: 'low' }],
    ['messages[0].name', chat({ role: 'user', name: 'Ann', content: 'Hi' })],
  ])('refuses %s by name', (param, change) => {
    expect(() => bodyOf(change)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
  })
})

test('thoughts and text come as parts, and a call whole, without an index', () => {
  const reader = wire.reader()
  const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}) =>
    reader.read({ data: JSON.stringify({ id: 'm', choices: [{ index: 0, delta, finish_reason }], ...rest }) })
  const call = { id: 'gSIMJiOkT', function: { name: 'f', arguments: '{"x": 1}' } }
  const usage = { prompt_tokens: 13, completion_tokens: 8, total_tokens: 21 }
  const events = [
    ...chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] }] }),
    ...chunk({ content: [{ type: 'text', text: 'Hello' }] }),
    ...chunk({ content: null, tool_calls: [call] }, 'tool_calls', { usage }),
    ...reader.read({ data: '[DONE]' }),
    ...reader.end(),
  ]
  expect(events).toMatchObject([
    { type: 'response-metadata', id: 'm' },
    { type: 'reasoning-delta', text: 'Hm' },
    { type: 'text-delta', text: 'Hello' },
    { type: 'tool-input-start', id: 'gSIMJiOkT', toolName: 'f' },
    { type: 'tool-input-delta', delta: '{"x": 1}' },
    { type: 'tool-input-end' },
    { type: 'text-end', finishReason: 'tool-calls' },
    { type: 'finish', usage: { inputTokens: { total: 13 }, outputTokens: { total: 8 } } },
  ])
})

test.each([
  ['{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"}]}', 'x', 'Extra inputs are not permitted'],
  [
    '{"object":"error","message":{"detail":[{"loc":["body","messages",0,"x"],"msg":"No"}]},"type":"invalid"}',
    'messages.x',
    'No',
  ],
  ['{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}', undefined, 'Invalid model'],
  ['<html>', undefined, '422'],
])('a refusal that says %s names the field and gives its reason', (body, param, words) => {
  const error = wire.refusal({ provider, status: 422, headers: {}, body })
  expect(error).toMatchObject({ code: 'provider_refused', param })
  expect(error.message).toContain(words)
})

test('the length of vectors has Mistral’s name', () => {
  const { body } = mistralEmbeddingsWire().request(
    { model: 'codestral-embed', inputs: ['a'], dimensions: 8 },
    { provider },
  )
  expect(JSON.parse(body)).toEqual({ model: 'codestral-embed', input: ['a'], output_dimension: 8 })
})
