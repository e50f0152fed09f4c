// Fixtures follow https://docs.cohere.com/reference/chat and https://docs.cohere.com/reference/chat-stream
import { describe, expect, test } from 'vitest'
import type { GenerateRequest } from '../../canonical/request.ts'
import { cohereChat } from './cohere-chat.ts'

const provider = 'cohere'

function bodyOf(change: Partial<GenerateRequest> = {}): unknown {
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const request: GenerateRequest = { model: 'command-a-03-2025', input, n: 1, stop: [], sampling: {}, ...change }
  return JSON.parse(cohereChat.request(request, { provider, stream: true }).body)
}

const chat = (...messages: Extract<GenerateRequest['input'], { kind: 'chat' }>['messages']) => ({
  input: { kind: 'chat' as const, messages },
})

function read(events: readonly object[]) {
  const reader = cohereChat.reader()
  return [...events.flatMap((event) => reader.read({ data: JSON.stringify(event) })), ...reader.end()]
}

describe('a request', () => {
  test('has the settings under Cohere’s names', () => {
    expect(
      bodyOf({
        maxOutputTokens: 9,
        stop: ['END'],
        sampling: { temperature: 0, topP: 0.5, topK: 3, seed: 1, presencePenalty: 0.1, frequencyPenalty: 0 },
        responseFormat: { type: 'json-schema', name: 'a', schema: { type: 'object' }, strict: true },
        reasoningEffort: 'low',
      }),
    ).toEqual({
      model: 'command-a-03-2025',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      max_tokens: 9,
      stop_sequences: ['END'],
      temperature: 0,
      p: 0.5,
      k: 3,
      seed: 1,
      presence_penalty: 0.1,
      response_format: { type: 'json_object', json_schema: { type: 'object' } },
      thinking: { type: 'enabled', token_budget: 2048 },
    })
    expect(bodyOf({ reasoningEffort: 'none' })).toMatchObject({ thinking: { type: 'disabled' } })
    expect(bodyOf({ reasoningTokens: 77, reasoningEffort: 'high' })).toMatchObject({ thinking: { token_budget: 77 } })
  })

  test('has conversations with calls and images', () => {
    const url = 'https://a.example/b.png'
    const body = bodyOf(
      chat(
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'image', url, detail: 'low' },
            { type: 'text', text: 'Where?' },
          ],
        },
        { role: 'assistant', content: '', reasoning: 'Hm', toolCalls: [{ id: 'a', name: 'f', arguments: '' }] },
        { role: 'tool', toolCallId: 'a', content: 'Paris' },
      ),
    )
    expect(body).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url, detail: 'low' } },
            { type: 'text', text: 'Where?' },
          ],
        },
        { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'a', content: 'Paris' },
      ],
    })
    expect(JSON.stringify(body)).not.toContain('Hm')
  })

  test('makes a choice of one tool of a choice by name', () => {
    const tools = [
      { name: 'f', description: 'F', parameters: { type: 'object' }, strict: true },
      { name: 'g', strict: true },
    ]
    const g = { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } }
    expect(bodyOf({ tools, toolChoice: { name: 'g' } })).toMatchObject({
      tools: [g],
      tool_choice: 'REQUIRED',
      strict_tools: true,
    })
    expect(bodyOf({ tools, toolChoice: 'none' })).toMatchObject({ tool_choice: 'NONE', tools: [{}, g] })
    expect(bodyOf({ tools, toolChoice: 'auto' })).not.toHaveProperty('tool_choice')
  })

  test.each<[string, Partial<GenerateRequest>]>([
    ['prompt', { input: { kind: 'text', prompts: ['a'] } }],
    ['n', { n: 2 }],
    ['logprobs', { topLogprobs: 0 }],
    ['logit_bias', { sampling: { logitBias: new Map([[1, 1]]) } }],
    ['min_p', { sampling: { minP: 0.1 } }],
    ['grammar', { grammar: 'root ::= "a"' }],
    ['verbosity', { verbosity: 'low' }],
    ['parallel_tool_calls', { tools: [{ name: 'f' }], parallelToolCalls: false }],
    ['strict for some tools and not for others', { tools: [{ name: 'f', strict: true }, { name: 'g' }] }],
    ['messages[0].content[0] of type file', chat({ role: 'user', content: [{ type: 'file', url: 'data:,' }] })],
  ])('refuses %s by name', (param, change) => {
    expect(() => bodyOf(change)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
  })
})

const usage = {
  billed_units: { input_tokens: 12, output_tokens: 7 },
  tokens: { input_tokens: 507, output_tokens: 10 },
  cached_tokens: 448,
}
const canonicalUsage = {
  inputTokens: { total: 507, cacheRead: 448 },
  outputTokens: { total: 10, reasoning: 0 },
  counts: { billed_input_tokens: 12, billed_output_tokens: 7 },
  raw: usage,
}

describe('an answer', () => {
  test('is read from a stream: plan, thoughts, text, citations, calls, end', () => {
    const message = (message: object) => ({ delta: { message } })
    const page = { type: 'document', id: 'd', document: { url: 'https://a.example/', title: 'A' } }
    const events = read([
      { type: 'message-start', id: 'm', ...message({ role: 'assistant', content: [], tool_plan: '', tool_calls: [] }) },
      { type: 'tool-plan-delta', ...message({ tool_plan: 'Plan' }) },
      { type: 'content-start', index: 0, ...message({ content: { type: 'thinking', thinking: '' } }) },
      { type: 'content-delta', index: 0, ...message({ content: { thinking: 'Hm' } }) },
      { type: 'content-end', index: 0 },
      { type: 'content-start', index: 1, ...message({ content: { type: 'text', text: 'He' } }) },
      { type: 'content-delta', index: 1, ...message({ content: { text: 'llo' } }) },
      {
        type: 'citation-start',
        index: 0,
        ...message({ citations: { start: 0, end: 5, text: 'Hello', sources: [page] } }),
      },
      { type: 'citation-start', index: 1, ...message({ citations: { sources: [{ type: 'tool', id: 't' }] } }) },
      { type: 'citation-end', index: 1 },
      {
        type: 'tool-call-start',
        index: 0,
        ...message({ tool_calls: { id: 'a', function: { name: 'f', arguments: '' } } }),
      },
      { type: 'tool-call-delta', index: 0, ...message({ tool_calls: { function: { arguments: '{"x":1}' } } }) },
      { type: 'tool-call-end', index: 0 },
      { type: 'debug', prompt: '…' },
      { type: 'message-end', delta: { finish_reason: 'TOOL_CALL', usage } },
    ])
    expect(events).toEqual([
      { type: 'response-metadata', id: 'm' },
      { type: 'reasoning-delta', choiceIndex: 0, text: 'Plan' },
      { type: 'reasoning-delta', choiceIndex: 0, text: 'Hm' },
      { type: 'text-delta', choiceIndex: 0, text: 'He' },
      { type: 'text-delta', choiceIndex: 0, text: 'llo' },
      { type: 'source', choiceIndex: 0, url: 'https://a.example/', title: 'A' },
      {
        type: 'raw',
        choiceIndex: 0,
        wire: 'cohere-chat',
        value: { citations: [{ sources: [{ type: 'tool', id: 't' }] }] },
      },
      { type: 'tool-input-start', choiceIndex: 0, toolIndex: 0, id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: '{"x":1}' },
      { type: 'tool-input-end', choiceIndex: 0, toolIndex: 0 },
      { type: 'text-end', choiceIndex: 0, finishReason: 'tool-calls', rawFinishReason: 'TOOL_CALL' },
      { type: 'finish', usage: canonicalUsage },
    ])
  })

  test('is read whole', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm' },
      { type: 'text', text: 'Hello' },
    ]
    const events = cohereChat.whole({
      id: 'm',
      message: { role: 'assistant', content, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f' } }] },
      finish_reason: 'MAX_TOKENS',
      usage,
    })
    expect(events).toMatchObject([
      { type: 'response-metadata', id: 'm' },
      { type: 'reasoning-delta', text: 'Hm' },
      { type: 'text-delta', text: 'Hello' },
      { type: 'tool-input-start', id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', delta: '{}' },
      { type: 'tool-input-end' },
      { type: 'text-end', finishReason: 'length' },
      { type: 'finish', usage: canonicalUsage },
    ])
  })

  test('that breaks, is cut or is none says so', () => {
    const end = (finish_reason: string, error?: string) => () =>
      read([{ type: 'message-end', delta: { finish_reason, error } }])
    expect(end('ERROR', 'out of memory')).toThrow(expect.objectContaining({ code: 'provider_failed' }))
    expect(end('ERROR', 'out of memory')).toThrow(/out of memory/)
    expect(end('TIMEOUT')).toThrow(expect.objectContaining({ code: 'provider_timeout' }))
    const invalid = expect.objectContaining({ code: 'provider_invalid_reply' })
    expect(() => read([{ type: 'content-delta', delta: { message: { content: { text: 'He' } } } }])).toThrow(invalid)
    expect(() =>
      read([
        { type: 'tool-call-delta', index: 1, delta: { message: { tool_calls: { function: { arguments: 'x' } } } } },
      ]),
    ).toThrow(invalid)
    expect(() => cohereChat.reader().read({ data: '<html>' })).toThrow(invalid)
    for (const body of [null, 5, {}, { message: {}, finish_reason: 1 }]) {
      expect(() => cohereChat.whole(body)).toThrow(invalid)
    }
  })
})

test.each([
  [400, 'too many tokens: total number of tokens in the prompt cannot exceed 4081', 'context_length_exceeded'],
  [400, 'system turn must be the first in the list', 'provider_refused'],
  [401, 'invalid api token', 'provider_key_refused'],
  [404, "model 'x' not found", 'provider_not_found'],
  [429, 'You are using a Trial key, which is limited to 40 API calls / minute.', 'rate_limited'],
  [429, 'You are using a Trial key, which is limited to 1000 API calls / month.', 'quota_exceeded'],
  [500, 'internal server error', 'provider_failed'],
])('a refusal with %i "%s" is %s', (status, message, code) => {
  const error = cohereChat.refusal({ provider, status, headers: {}, body: JSON.stringify({ message }) })
  expect(error).toMatchObject({ code, fault: { provider, status } })
  expect(error.message).toContain(message)
})
