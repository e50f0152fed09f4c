// Fixtures follow https://platform.claude.com/docs/en/api/messages/create and …/build-with-claude/streaming
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../../test/recordings.ts'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import { collect } from '../../dialects/collect.ts'
import { EventSplitter, readEvent } from '../../transport/server-sent-events.ts'
import { anthropicMessages } from './anthropic-messages.ts'

const provider = 'anthropic'
const sonnet = 'claude-sonnet-4-5-20250929'

function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  return { model: sonnet, input, n: 1, stop: [], sampling: {}, ...change }
}

const bodyOf = (change: Partial<GenerateRequest> = {}) =>
  JSON.parse(anthropicMessages.request(request(change), { provider, stream: false }).body) as Record<string, unknown>

const chat = (...messages: Message[]) => ({ input: { kind: 'chat' as const, messages } })

function thrown(run: () => unknown): InferloomError {
  try {
    run()
  } catch (error) {
    if (error instanceof InferloomError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function read(chunks: readonly string[]): StreamEvent[] {
  const reader = anthropicMessages.reader()
  return [...chunks.flatMap((data) => reader.read({ data })), ...reader.end()]
}

const payloads = (...events: readonly object[]) => events.map((event) => JSON.stringify(event))
const start = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude-x', usage: { input_tokens: 5, output_tokens: 1 } },
}
const end = {
  type: 'message_delta',
  delta: { stop_reason: 'end_turn', stop_sequence: null },
  usage: { output_tokens: 9 },
}
const stop = { type: 'message_stop' }
const ours = (value: string) => ({ wire: 'anthropic-messages', value })

describe('a request', () => {
  test('has instructions apart, and one turn for what follows one another', () => {
    const body = bodyOf(
      chat(
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Weather in Rome and Oz?' },
        {
          role: 'assistant',
          content: ' ',
          reasoningBlocks: [
            { text: 'Two calls.', signature: ours('sig') },
            { text: '', encrypted: ours('hidden') },
            { text: 'Not ours.', signature: { wire: 'gemini', value: 'other' } },
          ],
          toolCalls: [
            { id: 'a', name: 'weather', arguments: '{"city":"Rome"}', cache: { lifetime: '1h' } },
            { id: 'b', name: 'weather', arguments: '{"city":' },
          ],
        },
        { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'Sunny', cache: {} }] },
        { role: 'tool', toolCallId: 'b', content: '', toolFailed: true },
        { role: 'user', content: 'So?' },
      ),
    )
    expect(body).toEqual({
      model: sonnet,
      max_tokens: 64_000,
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Weather in Rome and Oz?' }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Two calls.', signature: 'sig' },
            { type: 'redacted_thinking', data: 'hidden' },
            {
              type: 'tool_use',
              id: 'a',
              name: 'weather',
              input: { city: 'Rome' },
              cache_control: { type: 'ephemeral', ttl: '1h' },
            },
            { type: 'tool_use', id: 'b', name: 'weather', input: { INVALID_JSON: '{"city":' } },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'a',
              content: [{ type: 'text', text: 'Sunny' }],
              cache_control: { type: 'ephemeral' },
            },
            { type: 'tool_result', tool_use_id: 'b', is_error: true },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
    })
  })

  test('carries images and documents inline or by address, and a mark on a blank text goes before it', () => {
    const { messages } = bodyOf(
      chat({
        role: 'user',
        content: [
          { type: 'image', url: 'data:image/jpg;base64,aGk=' },
          { type: 'image', url: 'https://example.com/a.png' },
          { type: 'file', url: 'data:application/pdf;base64,aGk=', name: 'A' },
          { type: 'file', url: 'data:text/plain;base64,aGk=' },
          { type: 'text', text: ' ', cache: {} },
        ],
      }),
    )
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'aGk=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'aGk=' }, title: 'A' },
          {
            type: 'document',
            source: { type: 'text', media_type: 'text/plain', data: 'hi' },
            cache_control: { type: 'ephemeral' },
          },
        ],
      },
    ])
  })

  test('says the rest in the words of the wire', () => {
    const body = bodyOf({
      maxOutputTokens: 50,
      stop: ['END'],
      sampling: { temperature: 0.5, topP: 0.9, topK: 40 },
      tools: [{ name: 'f', description: 'F', parameters: { type: 'object' }, strict: true, cache: {} }, { name: 'g' }],
      parallelToolCalls: false,
      responseFormat: { type: 'json-schema', name: 'a', schema: { type: 'object' }, strict: true },
      endUser: 'u',
      serviceTier: 'priority',
    })
    expect(body).toMatchObject({
      max_tokens: 50,
      stop_sequences: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      tools: [
        {
          name: 'f',
          description: 'F',
          input_schema: { type: 'object' },
          strict: true,
          cache_control: { type: 'ephemeral' },
        },
        { name: 'g', input_schema: { type: 'object', properties: {} } },
      ],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'u' },
      service_tier: 'auto',
    })
  })

  test.each([
    ['required', { type: 'any' }],
    ['none', { type: 'none' }],
    [{ name: 'f' }, { type: 'tool', name: 'f' }],
  ] as const)('tool_choice %j', (toolChoice, expected) => {
    expect(bodyOf({ tools: [{ name: 'f' }], toolChoice })['tool_choice']).toEqual(expected)
  })

  test.each([
    [sonnet, { reasoningEffort: 'low' }, { thinking: { type: 'enabled', budget_tokens: 2048 } }],
    [
      sonnet,
      { reasoningEffort: 'high', maxOutputTokens: 4000 },
      { thinking: { type: 'enabled', budget_tokens: 3999 } },
    ],
    [
      sonnet,
      { reasoningTokens: 5000, showReasoning: false },
      { thinking: { type: 'enabled', budget_tokens: 5000, display: 'omitted' } },
    ],
    [sonnet, { reasoningEffort: 'none' }, { thinking: { type: 'disabled' } }],
    [sonnet, { showReasoning: true }, {}],
    ['claude-3-5-haiku-latest', { reasoningEffort: 'none' }, {}],
    [
      'claude-opus-4-5',
      { reasoningEffort: 'medium', verbosity: 'low' },
      { thinking: { type: 'enabled', budget_tokens: 8192 }, output_config: { effort: 'low' } },
    ],
    ['claude-opus-4-6', { reasoningTokens: 2000 }, { thinking: { type: 'enabled', budget_tokens: 2000 } }],
    [
      'claude-opus-4-7',
      { reasoningEffort: 'xhigh', showReasoning: true },
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'xhigh' } },
    ],
    [
      'claude-sonnet-5',
      { reasoningEffort: 'minimal' },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
    ],
    ['claude-fable-5', { showReasoning: true }, { thinking: { type: 'adaptive', display: 'summarized' } }],
    ['claude-fable-5', { reasoningTokens: 0 }, { thinking: { type: 'disabled' } }],
  ] as const)('%s with %j thinks as %j', (model, change, expected) => {
    const { thinking, output_config } = bodyOf({ model, ...change })
    expect({
      ...(thinking !== undefined && { thinking }),
      ...(output_config !== undefined && { output_config }),
    }).toEqual(expected)
  })

  test.each([
    ['claude-3-opus-20240229', 4096],
    ['claude-3-5-sonnet-20241022', 8192],
    ['claude-opus-4-20250514', 32_000],
    ['claude-opus-4-1-20250805', 32_000],
    ['claude-opus-4-5-20251101', 64_000],
    ['claude-sonnet-4-20250514', 64_000],
    ['MiniMax-M2', 8192],
  ])('%s may write %i tokens where nothing is said', (model, expected) => {
    expect(bodyOf({ model })['max_tokens']).toBe(expected)
  })

  test.each([
    [{ sampling: { temperature: 1.2 } }, 'temperature above 1'],
    [{ n: 2 }, 'n'],
    [{ sampling: { seed: 1 } }, 'seed'],
    [{ sampling: { presencePenalty: 1 } }, 'presence_penalty'],
    [{ sampling: { logitBias: new Map([[1, 1]]) } }, 'logit_bias'],
    [{ topLogprobs: 0 }, 'logprobs'],
    [{ responseFormat: { type: 'json' } }, 'response_format of type json_object'],
    [{ model: 'claude-3-5-haiku-latest', reasoningEffort: 'low' }, 'reasoning_effort'],
    [{ model: 'claude-opus-4-7', reasoningTokens: 2000 }, 'reasoning_tokens'],
    [{ model: 'claude-opus-4-6', reasoningEffort: 'xhigh' }, 'reasoning_effort = "xhigh"'],
    [{ verbosity: 'low' }, 'verbosity = "low"'],
    [{ reasoningEffort: 'low', maxOutputTokens: 500 }, 'reasoning_effort within so few tokens'],
    [
      chat({ role: 'user', content: [{ type: 'audio', url: 'data:audio/wav;base64,aGk=' }] }),
      'audio in messages[0].content[0]',
    ],
    [
      chat({ role: 'user', content: [{ type: 'image', url: 'data:image/bmp;base64,aGk=' }] }),
      'messages[0].content[0] of type image/bmp',
    ],
  ] as const)('%j is refused by name', (change, param) => {
    const error = thrown(() => bodyOf(change))
    expect(error).toMatchObject({ code: 'unsupported_parameter', param })
    expect(error.message).toContain(provider)
  })
})

describe('a stream', () => {
  test('of thoughts, text and a call', () => {
    const events = read(
      payloads(
        start,
        start,
        { type: 'ping' },
        { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
        { type: 'content_block_stop', index: 0 },
        { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'hidden' } },
        { type: 'content_block_stop', index: 1 },
        { type: 'content_block_start', index: 2, content_block: { type: 'text', text: 'A' } },
        { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'B' } },
        { type: 'content_block_stop', index: 2 },
        { type: 'content_block_start', index: 3, content_block: { type: 'tool_use', id: 'a', name: 'f', input: {} } },
        { type: 'content_block_delta', index: 3, delta: { type: 'input_json_delta', partial_json: '' } },
        { type: 'content_block_stop', index: 3 },
        { type: 'something_new', words: 1 },
        { ...end, delta: { stop_reason: 'tool_use', stop_sequence: null, stop_details: null } },
        stop,
      ),
    )
    const choiceIndex = 0
    expect(events).toEqual([
      { type: 'response-metadata', id: 'msg_1', model: 'claude-x' },
      { type: 'reasoning-delta', choiceIndex, text: 'Hm.' },
      { type: 'reasoning-end', choiceIndex, signature: ours('sig') },
      { type: 'reasoning-end', choiceIndex, encrypted: ours('hidden') },
      { type: 'text-delta', choiceIndex, text: 'A' },
      { type: 'text-delta', choiceIndex, text: 'B' },
      { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{}' },
      { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
      { type: 'text-end', choiceIndex, finishReason: 'tool-calls', rawFinishReason: 'tool_use' },
      {
        type: 'finish',
        usage: {
          inputTokens: { total: 5, cacheRead: 0 },
          outputTokens: { total: 9, reasoning: 0 },
          raw: { input_tokens: 5, output_tokens: 9 },
        },
      },
    ])
  })

  test('counts what the cache did beside the input, and tools of the provider', () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 50,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
      output_tokens: 1,
      service_tier: 'priority',
    }
    const later = {
      output_tokens: 7,
      input_tokens: null,
      output_tokens_details: { thinking_tokens: 3 },
      server_tool_use: { web_search_requests: 2 },
    }
    const events = read(payloads({ type: 'message_start', message: { usage } }, { ...end, usage: later }, stop))
    expect(events.at(-1)).toMatchObject({
      usage: {
        inputTokens: { total: 160, cacheRead: 100, cacheWrite: 50, cacheWriteHour: 30 },
        outputTokens: { total: 7, reasoning: 3 },
        serviceTier: 'priority',
        counts: { web_search: 2 },
      },
    })
  })

  test('that is cut, or goes on with what never began, is no answer', () => {
    expect(thrown(() => read(payloads(start))).code).toBe('provider_invalid_reply')
    const delta = { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'x' } }
    expect(thrown(() => read(payloads(start, delta))).code).toBe('provider_invalid_reply')
    expect(thrown(() => read(['{'])).code).toBe('provider_invalid_reply')
    const begun = { type: 'content_block_start', content_block: { type: 'text', text: '' } }
    const many = Array.from({ length: 300 }, (_, index) => ({ ...begun, index }))
    expect(thrown(() => read(payloads(start, ...many))).message).toContain('256')
  })

  test.each([
    ['overloaded_error', 'provider_overloaded'],
    ['rate_limit_error', 'rate_limited'],
    ['invalid_request_error', 'provider_refused'],
    ['api_error', 'provider_failed'],
  ])('that breaks off with %s', (type, code) => {
    const error = thrown(() => read(payloads(start, { type: 'error', error: { type, message: 'Words.' } })))
    expect(error).toMatchObject({ code, message: `The provider broke off with ${type}: Words.` })
  })
})

const anyBlock = fc.oneof(
  fc.record({ type: fc.constantFrom('text', 'thinking', 'tool_use', 'server_tool_use', 'redacted_thinking', 'new') }),
  fc.dictionary(fc.constantFrom('type', 'text', 'thinking', 'partial_json', 'citation', 'id', 'name'), fc.jsonValue()),
)
const anyPayload = fc.oneof(
  fc.record({
    type: fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'error',
      'x',
    ),
    index: fc.oneof(fc.nat({ max: 2 }), fc.jsonValue()),
    content_block: anyBlock,
    delta: fc.oneof(anyBlock, fc.record({ stop_reason: fc.string() })),
    message: fc.jsonValue(),
    usage: fc.jsonValue(),
  }),
  fc.jsonValue(),
)

test('whatever comes is read, or refused as what it is', () => {
  fc.assert(
    fc.property(fc.array(anyPayload, { maxLength: 8 }), (values) => {
      try {
        read(values.map((value) => JSON.stringify(value)))
      } catch (error) {
        expect(error).toBeInstanceOf(InferloomError)
      }
    }),
    { numRuns: 500 },
  )
})

test.each([
  [529, 'overloaded_error', 'Overloaded', 'provider_overloaded'],
  [401, 'authentication_error', 'invalid x-api-key', 'provider_key_refused'],
  [402, 'billing_error', 'Pay.', 'quota_exceeded'],
  [400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum', 'context_length_exceeded'],
  [400, 'invalid_request_error', 'Your credit balance is too low', 'quota_exceeded'],
  [400, 'invalid_request_error', 'Output blocked by content filtering policy', 'content_filtered'],
  [400, 'invalid_request_error', 'temperature: not so', 'provider_refused'],
])('a refusal with %i, %s: %s', (status, type, message, code) => {
  const body = JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_1' })
  const error = anthropicMessages.refusal({
    provider,
    status,
    headers: { 'request-id': 'req_1', 'retry-after': '7' },
    body,
  })
  expect(error).toMatchObject({
    code,
    retryAfterSeconds: 7,
    fault: { provider, status, code: type, requestId: 'req_1' },
  })
  expect(error.message).toContain(message)
})

describe('bytes that are passed on', () => {
  const events = payloads(
    start,
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '{"type":"message_stop"}' } },
    { type: 'content_block_stop', index: 0 },
    end,
  ).map((data) => Buffer.from(`event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`))

  test('are counted, and complete with message_stop', () => {
    const watch = anthropicMessages.relay?.watch(true)
    const seen = events.map((event) => watch?.see(event))
    expect(seen.map((each) => each?.deltas)).toEqual([0, 0, 1, 0, 0])
    expect(seen.at(-1)).toMatchObject({
      finishReason: 'stop',
      usage: { inputTokens: { total: 5 }, outputTokens: { total: 9 } },
    })
    expect(watch?.complete).toBe(false)
    watch?.see(Buffer.from('event: message_stop\ndata: {"type": "message_stop"}\n\n'))
    expect(watch?.complete).toBe(true)
  })

  test('are complete where the provider says why it broke off', () => {
    const watch = anthropicMessages.relay?.watch(true)
    watch?.see(Buffer.from('event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'))
    expect(watch?.complete).toBe(true)
  })

  test('are read once where they come whole', () => {
    const watch = anthropicMessages.relay?.watch(false)
    const body = { content: [], stop_reason: 'max_tokens', usage: { input_tokens: 3, output_tokens: 4 } }
    expect(watch?.see(Buffer.from(JSON.stringify(body)))).toMatchObject({
      deltas: 1,
      finishReason: 'length',
      usage: { inputTokens: { total: 3 }, outputTokens: { total: 4 } },
    })
    expect(watch?.complete).toBe(true)
  })

  test('keep client headers and body', () => {
    const headers = { 'anthropic-beta': 'b' }
    const relayed = { wire: 'anthropic-messages', model: sonnet, body: '{"x":1}', stream: true, headers }
    expect(anthropicMessages.relay?.request(relayed)).toEqual({ path: '/v1/messages', body: '{"x":1}', headers })
  })
})

const streams = recordedStreams('anthropic').map(({ name, chunks }) => [name, chunks] as const)
const replies = recordedReplies('anthropic').map(({ name, body }) => [name, body] as const)

describe.skipIf(streams.length === 0)('recorded replies', () => {
  test.each(streams)('%s means the same however its bytes are cut', (_, chunks) => {
    const expected = read(chunks)
    const bytes = Buffer.from(chunks.map((data) => `data: ${data}\n\n`).join(''))
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sizes) => {
        const splitter = new EventSplitter()
        const reader = anthropicMessages.reader()
        const events: StreamEvent[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const next = at + (sizes[turn % sizes.length] ?? 1)
          for (const event of splitter.push(bytes.subarray(at, next))) {
            const known = readEvent(event)
            if (known) events.push(...reader.read(known))
          }
          at = next
        }
        expect([...events, ...reader.end()]).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })

  test.each(streams)('%s is understood', (name, chunks) => {
    const { choices, usage } = collect(read(chunks))
    const [choice] = choices
    expect(choice?.finishReason).toBe(
      name.includes('refusal') ? 'content-filter' : /json-tool|no-args/.test(name) ? 'tool-calls' : 'stop',
    )
    expect(usage.outputTokens.total).toBeGreaterThan(0)
    for (const { arguments: text } of choice?.toolCalls ?? []) expect(JSON.parse(text)).toBeTypeOf('object')
  })

  test.each(replies)('%s is understood', (name, body) => {
    const { choices, usage } = collect(anthropicMessages.whole(body))
    const { content } = body as { content: { type: string; text?: string; input?: object }[] }
    expect(choices[0]?.text).toBe(content.map(({ text = '' }) => text).join(''))
    const inputs = content.filter(({ type }) => type === 'tool_use').map(({ input }) => input)
    expect(choices[0]?.toolCalls.map((call): unknown => JSON.parse(call.arguments))).toEqual(inputs)
    expect(choices[0]?.finishReason).toBe(
      name.includes('refusal') ? 'content-filter' : inputs.length > 0 ? 'tool-calls' : 'stop',
    )
    expect(usage.outputTokens.total).toBeGreaterThan(0)
  })
})
