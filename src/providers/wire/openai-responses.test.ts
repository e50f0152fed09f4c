// Shapes as documented: https://developers.openai.com/api/reference/resources/responses/streaming-events
import { describe, expect, onTestFinished, test } from 'vitest'
import { json, startUpstream } from '../../../test/upstream-fixture.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import { openai } from '../openai.ts'
import { openaiResponsesWire as wire } from './openai-responses.ts'

const request: GenerateRequest = {
  model: 'gpt-x',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] },
  n: 1,
  stop: [],
  sampling: {},
}
const options = { provider: 'openai', stream: true }
const bodyOf = (change: Partial<GenerateRequest>) =>
  JSON.parse(wire.request({ ...request, ...change }, options).body) as Record<string, unknown>

const encrypted = { wire: 'openai-responses', value: 'gAAA' }

describe('a request', () => {
  test('says everything that the wire has a word for', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } }
    const body = bodyOf({
      input: {
        kind: 'chat',
        messages: [
          { role: 'system', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Look' },
              { type: 'image', url: 'https://example.com/a.png', detail: 'low' },
              { type: 'file', url: 'data:application/pdf;base64,AA==', name: 'a.pdf' },
            ],
          },
          {
            role: 'assistant',
            content: 'I look.',
            reasoning: 'Hm.',
            reasoningBlocks: [
              { text: 'Hm.', id: 'rs_1', encrypted },
              { text: 'No.', id: 'rs_2', encrypted: { wire: 'anthropic-messages', value: 'x' } },
            ],
            toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' }],
          },
          { role: 'tool', content: 'sunny', toolCallId: 'call_1' },
        ],
      },
      maxOutputTokens: 9,
      sampling: { temperature: 0, topP: 0.5 },
      topLogprobs: 2,
      tools: [{ name: 'weather', description: 'W', parameters: schema }],
      toolChoice: { name: 'weather' },
      parallelToolCalls: false,
      responseFormat: { type: 'json-schema', name: 'n', schema, strict: true },
      verbosity: 'low',
      reasoningEffort: 'high',
      showReasoning: true,
      endUser: 'ann',
      promptCacheKey: 'k',
      metadata: { trip: '7' },
      serviceTier: 'flex',
    })
    expect(body).toEqual({
      model: 'gpt-x',
      store: false,
      stream: true,
      input: [
        { type: 'message', role: 'developer', content: 'Be brief.' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look' },
            { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gAAA' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
      ],
      max_output_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_logprobs: 2,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      tools: [{ type: 'function', name: 'weather', description: 'W', parameters: schema, strict: false }],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      text: { format: { type: 'json_schema', name: 'n', schema, strict: true }, verbosity: 'low' },
      reasoning: { effort: 'high', summary: 'auto' },
      safety_identifier: 'ann',
      prompt_cache_key: 'k',
      metadata: { trip: '7' },
      service_tier: 'flex',
    })
  })

  test.each([
    [{ stop: ['x'] }, 'stop'],
    [{ n: 2 }, 'n'],
    [{ sampling: { seed: 1 } }, 'seed'],
    [{ sampling: { presencePenalty: 1 } }, 'presence_penalty'],
    [{ grammar: 'root ::= "a"' }, 'grammar'],
  ])('%j is refused by name', (change, param) => {
    expect(() => bodyOf(change)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
  })
})

const created = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-x-2026' } }
const ends = (change: object = {}) => ({
  type: 'response.completed',
  response: {
    status: 'completed',
    service_tier: 'default',
    usage: {
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 3 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 2 },
    },
    ...change,
  },
})

function read(...events: object[]) {
  const reader = wire.reader()
  return [...events.flatMap((event) => reader.read({ data: JSON.stringify(event) })), ...reader.end()]
}

const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'weather' }

describe('a stream', () => {
  test('of thoughts, words, sources and a call is read in order', () => {
    const events = read(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning', id: 'rs_1', summary: [] } },
      { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 0 },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, delta: 'One.' },
      { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 1 },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, delta: 'Two.' },
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: { type: 'reasoning', id: 'rs_1', encrypted_content: 'gAAA' },
      },
      { type: 'response.output_item.added', output_index: 1, item: { type: 'message', id: 'msg_1', content: [] } },
      {
        type: 'response.output_text.delta',
        output_index: 1,
        delta: 'Hello',
        logprobs: [{ token: 'Hello', logprob: -0.5, bytes: [72], top_logprobs: [] }],
      },
      {
        type: 'response.output_text.annotation.added',
        output_index: 1,
        annotation: { type: 'url_citation', url: 'https://example.com', title: 'E' },
      },
      {
        type: 'response.output_item.done',
        output_index: 1,
        item: { type: 'message', content: [{ type: 'output_text', text: 'Hello' }] },
      },
      { type: 'response.output_item.added', output_index: 2, item: { ...call, arguments: '' } },
      { type: 'response.function_call_arguments.delta', output_index: 2, delta: '{"a":' },
      { type: 'response.function_call_arguments.delta', output_index: 2, delta: '1}' },
      { type: 'response.output_item.done', output_index: 2, item: { ...call, arguments: '{"a":1}' } },
      ends(),
    )
    const choiceIndex = 0
    expect(events).toEqual([
      { type: 'response-metadata', id: 'resp_1', model: 'gpt-x-2026' },
      { type: 'reasoning-delta', choiceIndex, text: 'One.' },
      { type: 'reasoning-delta', choiceIndex, text: '\n\n' },
      { type: 'reasoning-delta', choiceIndex, text: 'Two.' },
      { type: 'reasoning-end', choiceIndex, id: 'rs_1', encrypted },
      {
        type: 'text-delta',
        choiceIndex,
        text: 'Hello',
        logprobs: [{ token: 'Hello', logprob: -0.5, bytes: [72], top: [] }],
      },
      { type: 'source', choiceIndex, url: 'https://example.com', title: 'E' },
      { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'call_1', toolName: 'weather' },
      { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{"a":' },
      { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '1}' },
      { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
      { type: 'text-end', choiceIndex, finishReason: 'tool-calls', rawFinishReason: 'completed' },
      {
        type: 'finish',
        usage: {
          inputTokens: { total: 7, cacheRead: 3 },
          outputTokens: { total: 5, reasoning: 2 },
          serviceTier: 'default',
          raw: ends().response.usage,
        },
      },
    ])
  })

  test.each([
    ['max_output_tokens', 'length'],
    ['content_filter', 'content-filter'],
  ])('that ends with %s was cut', (reason, finishReason) => {
    const events = read(created, {
      ...ends({ status: 'incomplete', incomplete_details: { reason } }),
      type: 'response.incomplete',
    })
    expect(events.at(-2)).toEqual({ type: 'text-end', choiceIndex: 0, finishReason, rawFinishReason: reason })
  })

  test('that ends before its last event was broken off', () => {
    expect(() => read(created)).toThrow(expect.objectContaining({ code: 'provider_invalid_reply' }))
  })

  test.each([
    [{ type: 'error', error: { code: 'rate_limit_exceeded', message: 'slow down' } }, 'rate_limited'],
    [{ type: 'error', code: 'server_error', message: 'oh', param: null }, 'provider_failed'],
    [
      { type: 'response.failed', response: { error: { code: 'context_length_exceeded', message: 'too long' } } },
      'context_length_exceeded',
    ],
  ])('with %j fails', (event, code) => {
    expect(() => read(created, event)).toThrow(expect.objectContaining({ code }))
  })
})

describe('which wire a request takes at OpenAI', () => {
  async function pathOf(change: Partial<GenerateRequest>) {
    const upstream = await startUpstream(({ path }) =>
      path === '/responses'
        ? json({ object: 'response', status: 'completed', output: [], usage: { input_tokens: 1, output_tokens: 1 } })
        : json({ choices: [{ message: { content: 'x' }, finish_reason: 'stop' }] }),
    )
    const provider = openai.make({ name: 'openai', keys: ['k'], baseUrl: upstream.url })
    onTestFinished(() => provider.close())
    await Array.fromAsync(provider.generate({ ...request, ...change }, new AbortController().signal))
    return upstream.asked[0]?.path
  }
  const tools = [{ name: 'weather' }]

  test.each<[string, Partial<GenerateRequest>]>([
    ['/chat/completions', {}],
    ['/responses', { showReasoning: true }],
    ['/responses', { reasoningEffort: 'high', tools }],
    ['/chat/completions', { reasoningEffort: 'none', tools }],
    // Only chat has a word for stop strings.
    ['/chat/completions', { showReasoning: true, stop: ['x'] }],
    ['/responses', { model: 'gpt-x-codex' }],
    ['/responses', { model: 'gpt-5-pro-2025-10-06' }],
  ])('%s for %j', async (path, change) => {
    expect(await pathOf(change)).toBe(path)
  })
})

describe('what is passed on', () => {
  const bytes = (event: object, named: boolean) => {
    const name = named ? `event: ${(event as { type: string }).type}\n` : ''
    return Buffer.from(`${name}data: ${JSON.stringify(event)}\n\n`)
  }

  test.each([true, false])('is watched by the names of its events (named %j)', (named) => {
    const watch = wire.relay?.watch(true)
    const delta = { type: 'response.output_text.delta', delta: '"type":"response.completed"' }
    expect(watch?.see(bytes(created, named))).toEqual({ deltas: 0 })
    expect(watch?.see(bytes(delta, named))).toEqual({ deltas: 1 })
    expect(watch?.complete).toBe(false)
    expect(watch?.see(bytes(ends({ output: [{ ...call, arguments: '{}' }] }), named))).toMatchObject({
      finishReason: 'tool-calls',
      usage: { inputTokens: { total: 7, cacheRead: 3 }, outputTokens: { total: 5, reasoning: 2 } },
    })
    expect(watch?.complete).toBe(true)
  })

  test.each(['response.failed', 'error'])('is complete with %s', (type) => {
    const watch = wire.relay?.watch(true)
    watch?.see(bytes({ type }, true))
    expect(watch?.complete).toBe(true)
  })

  test('goes to the path of the wire as it came', () => {
    const body = '{"model":"gpt-x", "store":true, "tools":[{"type":"web_search"}]}'
    const sent = wire.relay?.request({ wire: wire.name, model: 'gpt-x', body, stream: false, headers: {} })
    expect(sent).toEqual({ path: '/responses', body, headers: {} })
    const watch = wire.relay?.watch(false)
    watch?.see(Buffer.from(JSON.stringify({ object: 'response', ...ends().response, output: [] })))
    expect(watch?.complete).toBe(true)
  })
})
