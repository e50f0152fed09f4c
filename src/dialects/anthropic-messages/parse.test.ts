// Fixtures follow https://platform.claude.com/docs/en/api/messages/create
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import { anthropicMessages } from './parse.ts'

const base = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] }

const parsed = (change: object = {}) =>
  anthropicMessages.parse({ ...base, ...change }, { model: 'm', stream: false }).request

const messagesOf = (messages: readonly object[], more: object = {}) => {
  const { input } = parsed({ messages, ...more })
  return input.kind === 'chat' ? input.messages : []
}

function refusal(change: object): InferloomError {
  try {
    parsed(change)
  } catch (error) {
    if (error instanceof InferloomError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('a conversation', () => {
  test('has its instructions first, and results of tools as messages of their own', () => {
    const messages = messagesOf(
      [
        { role: 'user', content: [{ type: 'text', text: 'Weather?' }] },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I will ' },
            { type: 'text', text: 'look.', citations: null },
            { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Rome' }, caller: { type: 'direct' } },
            { type: 'tool_use', id: 'b', name: 'clock', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'Sunny' }] },
            { type: 'tool_result', tool_use_id: 'b', content: 'No clock', is_error: true },
            { type: 'text', text: 'Well?' },
            { type: 'text', text: 'Be brief.' },
          ],
        },
      ],
      {
        system: [
          { type: 'text', text: 'You are kind.' },
          { type: 'text', text: 'You are short.' },
        ],
      },
    )
    expect(messages).toEqual([
      { role: 'system', content: 'You are kind.\nYou are short.' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'I will look.',
        toolCalls: [
          { id: 'a', name: 'weather', arguments: '{"city":"Rome"}' },
          { id: 'b', name: 'clock', arguments: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'a', content: 'Sunny' },
      { role: 'tool', toolCallId: 'b', content: 'No clock', toolFailed: true },
      { role: 'user', content: 'Well?\nBe brief.' },
    ])
  })

  test('keeps images and documents, inline or by address', () => {
    const [message] = messagesOf([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'aGk=' }, title: 'A' },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' } },
          {
            type: 'document',
            source: { type: 'url', url: 'https://example.com/a.pdf' },
            citations: { enabled: false },
          },
        ],
      },
    ])
    expect(message?.content).toEqual([
      { type: 'image', url: 'data:image/png;base64,aGk=' },
      { type: 'image', url: 'https://example.com/a.png' },
      { type: 'file', url: 'data:application/pdf;base64,aGk=', name: 'A' },
      { type: 'file', url: 'data:text/plain;base64,aGk=' },
      { type: 'file', url: 'https://example.com/a.pdf' },
    ])
  })

  test('keeps where the client wants its prompt cached', () => {
    const cache_control = { type: 'ephemeral' }
    const messages = messagesOf(
      [
        { role: 'user', content: [{ type: 'text', text: 'A', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {}, cache_control }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'B', cache_control }] },
      ],
      { system: [{ type: 'text', text: 'S', cache_control: { type: 'ephemeral', ttl: '5m' } }] },
    )
    expect(messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'S', cache: { lifetime: '5m' } }] },
      { role: 'user', content: [{ type: 'text', text: 'A', cache: { lifetime: '1h' } }] },
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}', cache: {} }] },
      { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'B', cache: {} }] },
    ])
    expect(messagesOf([{ role: 'user', content: 'Hi' }], { cache_control })).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Hi', cache: {} }] },
    ])
    expect(parsed({ tools: [{ name: 'f', input_schema: { type: 'object' }, cache_control }] }).tools).toEqual([
      { name: 'f', parameters: { type: 'object' }, cache: {} },
    ])
  })

  test('keeps what Anthropic sealed, and tells it from thoughts that nobody did', () => {
    const [sealed, plain] = messagesOf([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'One.', signature: 'sig' },
          { type: 'redacted_thinking', data: 'secret' },
          { type: 'text', text: 'Two.' },
        ],
      },
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'Mine.', signature: '' }] },
    ])
    expect(sealed).toEqual({
      role: 'assistant',
      content: 'Two.',
      reasoning: 'One.',
      reasoningBlocks: [
        { text: 'One.', signature: { wire: 'anthropic-messages', value: 'sig' } },
        { text: '', encrypted: { wire: 'anthropic-messages', value: 'secret' } },
      ],
    })
    expect(plain).toEqual({ role: 'assistant', content: '', reasoning: 'Mine.' })
  })
})

describe('parameters', () => {
  test('mean the same under their canonical names', () => {
    const request = parsed({
      stop_sequences: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
      tools: [{ type: 'custom', name: 'f', description: 'F', input_schema: { type: 'object' }, strict: true }],
      tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    })
    expect(request).toMatchObject({
      model: 'm',
      n: 1,
      maxOutputTokens: 100,
      stop: ['END'],
      sampling: { temperature: 0.5, topP: 0.9, topK: 40 },
      endUser: 'u',
      serviceTier: 'default',
      tools: [{ name: 'f', description: 'F', parameters: { type: 'object' }, strict: true }],
      toolChoice: { name: 'f' },
      parallelToolCalls: false,
      responseFormat: { type: 'json-schema', schema: { type: 'object' }, strict: true },
    })
  })

  test.each([
    [{ type: 'enabled', budget_tokens: 2048 }, undefined, { reasoningTokens: 2048, showReasoning: true }],
    [{ type: 'disabled' }, 'low', { reasoningEffort: 'none', verbosity: 'low' }],
    [{ type: 'adaptive', display: 'omitted' }, 'xhigh', { reasoningEffort: 'xhigh', showReasoning: false }],
    [undefined, 'medium', { reasoningEffort: 'medium' }],
  ])('thinking %j with effort %s', (thinking, effort, expected) => {
    const { reasoningEffort, reasoningTokens, showReasoning, verbosity } = parsed({
      ...(thinking && { thinking }),
      ...(effort && { output_config: { effort } }),
    })
    expect({ reasoningEffort, reasoningTokens, showReasoning, verbosity }).toEqual({
      reasoningEffort: undefined,
      reasoningTokens: undefined,
      showReasoning: undefined,
      verbosity: undefined,
      ...expected,
    })
  })

  test.each([
    [{ type: 'any' }, 'required'],
    [{ type: 'auto' }, 'auto'],
    [{ type: 'none' }, 'none'],
  ])('tool_choice %j', (tool_choice, expected) => {
    expect(parsed({ tools: [{ name: 'f', input_schema: {} }], tool_choice }).toolChoice).toBe(expected)
  })

  test('that ask for what happens anyway are taken', () => {
    const asked = {
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      speed: 'standard',
    }
    expect(parsed({ ...asked, mcp_servers: [], container: null })).toEqual(parsed())
  })
})

test.each([
  [{ max_tokens: undefined }, 'missing_parameter', 'max_tokens'],
  [{ max_tokens: 0 }, 'invalid_value', 'max_tokens'],
  [{ temperature: 1.5 }, 'invalid_value', 'temperature'],
  [{ messages: [] }, 'invalid_value', 'messages'],
  [{ n: 2 }, 'unknown_parameter', 'n'],
  [{ container: 'c' }, 'unsupported_parameter', 'container'],
  [
    { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } },
    'unsupported_parameter',
    'context_management',
  ],
  [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'unsupported_parameter', 'tools[0].type'],
  [{ tools: [{ name: 'a b', input_schema: {} }] }, 'invalid_value', 'tools[0].name'],
  [{ tool_choice: { type: 'any' } }, 'invalid_value', 'tool_choice'],
  [{ thinking: { type: 'enabled', budget_tokens: 10 } }, 'invalid_value', 'thinking.budget_tokens'],
  [{ output_config: { effort: 'max' } }, 'invalid_value', 'output_config.effort'],
  [
    { messages: [{ role: 'user', content: [{ type: 'search_result' }] }] },
    'unsupported_parameter',
    'messages[0].content[0].type',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'text', text: '\ud800' }] }] },
    'invalid_value',
    'messages[0].content[0].text',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] }] },
    'unsupported_parameter',
    'messages[0].content[0].type',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] }] },
    'invalid_value',
    'messages[0].content[0].source.type',
  ],
  [{ messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
])('%j is refused by name', (change, code, param) => {
  expect(refusal(change)).toMatchObject({ code, param })
})

test('a conversation with the thoughts of other models is not passed on as it stands', () => {
  const withThoughts = (signature: string) => ({
    messages: [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature }] }],
  })
  expect(anthropicMessages.relayable?.(base)).toBe(true)
  expect(anthropicMessages.relayable?.(withThoughts('EvQB'))).toBe(true)
  expect(anthropicMessages.relayable?.(withThoughts(''))).toBe(false)
  expect(anthropicMessages.relayable?.(withThoughts('inferloom.e30'))).toBe(false)
})

test.each([
  ['provider_overloaded', 'overloaded_error'],
  ['rate_limited', 'rate_limit_error'],
  ['quota_exceeded', 'billing_error'],
  ['invalid_api_key', 'authentication_error'],
  ['host_refused', 'permission_error'],
  ['model_not_found', 'not_found_error'],
  ['body_too_large', 'request_too_large'],
  ['provider_timeout', 'timeout_error'],
  ['internal_error', 'api_error'],
  ['invalid_value', 'invalid_request_error'],
] as const)('%s is an %s', (code, type) => {
  expect(anthropicMessages.errorBody?.(new InferloomError(code, 'Words.'), 'r1')).toEqual({
    type: 'error',
    error: { type, message: 'Words.' },
    request_id: 'r1',
  })
})
