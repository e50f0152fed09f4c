// Shapes after https://platform.openai.com/docs/api-reference/chat and the pages that the wire cites at each quirk.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import { collect } from '../../dialects/collect.ts'
import type { ChatOptions } from './openai-chat-options.ts'
import { openaiChatWire } from './openai-chat.ts'

const hello: GenerateRequest = {
  model: 'm',
  input: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
  n: 1,
  stop: [],
  sampling: {},
}

function bodyOf(request: Partial<GenerateRequest>, options: ChatOptions = {}, stream = true): Record<string, unknown> {
  const { body } = openaiChatWire(options).request({ ...hello, ...request }, { provider: 'acme', stream })
  return JSON.parse(body) as Record<string, unknown>
}

function messagesOf(messages: readonly Message[], options: ChatOptions = {}): unknown {
  return bodyOf({ input: { kind: 'chat', messages } }, options)['messages']
}

function refusal(run: () => unknown): InferloomError {
  try {
    run()
  } catch (error) {
    if (error instanceof InferloomError) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** Events of chunks, each given as its choices or as a whole body. */
function read(...bodies: readonly object[]): StreamEvent[] {
  const reader = openaiChatWire().reader()
  const events = bodies.flatMap((body) => reader.read({ data: JSON.stringify(body) }))
  return [...events, ...reader.read({ data: '[DONE]' }), ...reader.end()]
}

const delta = (value: object, finish: string | null = null, index = 0) => ({
  choices: [{ index, delta: value, finish_reason: finish }],
})

const callsOf = (events: readonly StreamEvent[]) => collect(events).choices[0]?.toolCalls

describe('requests', () => {
  test('a plain one holds no more than it must', () => {
    expect(bodyOf({}, {}, false)).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] })
  })

  test('everything OpenAI has a word for', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } }
    const body = bodyOf(
      {
        n: 2,
        maxOutputTokens: 9,
        stop: ['x'],
        sampling: {
          temperature: 0,
          topP: 0.5,
          presencePenalty: 1,
          frequencyPenalty: -1,
          seed: 7,
          logitBias: new Map([[5, -100]]),
        },
        topLogprobs: 3,
        tools: [{ name: 'weather', description: 'of a city', parameters: schema, strict: true }, { name: 'now' }],
        toolChoice: { name: 'weather' },
        parallelToolCalls: false,
        responseFormat: { type: 'json-schema', name: 'answer', schema, strict: true },
        reasoningEffort: 'low',
        verbosity: 'high',
        endUser: 'u',
        promptCacheKey: 'k',
        serviceTier: 'flex',
      },
      { maxTokens: 'max_completion_tokens', tells: ['safety_identifier', 'prompt_cache_key', 'service_tier'] },
    )
    expect(body).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      stream_options: { include_usage: true },
      n: 2,
      max_completion_tokens: 9,
      stop: ['x'],
      temperature: 0,
      top_p: 0.5,
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 7,
      logit_bias: { 5: -100 },
      logprobs: true,
      top_logprobs: 3,
      tools: [
        { type: 'function', function: { name: 'weather', description: 'of a city', parameters: schema, strict: true } },
        { type: 'function', function: { name: 'now' } },
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      reasoning_effort: 'low',
      verbosity: 'high',
      safety_identifier: 'u',
      prompt_cache_key: 'k',
      service_tier: 'flex',
    })
  })

  test('a field has the name that the provider gives it, or is refused by ours', () => {
    const fields = { top_k: 'top_k', repeat_penalty: 'repetition_penalty', n: null } as const
    expect(bodyOf({ sampling: { topK: 4, repeatPenalty: 1.1 } }, { fields })).toMatchObject({
      top_k: 4,
      repetition_penalty: 1.1,
    })
    const error = refusal(() => bodyOf({ n: 2 }, { fields }))
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'n' })
    expect(error.message).toContain('acme')
    expect(refusal(() => bodyOf({ sampling: { minP: 0.1 } })).param).toBe('min_p')
    expect(refusal(() => bodyOf({ grammar: 'root ::= "a"' })).param).toBe('grammar')
    const schema = { type: 'json-schema', name: 'a', schema: {}, strict: true } as const
    expect(refusal(() => bodyOf({ responseFormat: schema }, { jsonSchema: false })).message).toContain('json_object')
  })

  test('values that switch something off ask for nothing', () => {
    const body = bodyOf({ sampling: { topK: 0, minP: 0, repeatPenalty: 1 } })
    expect(Object.keys(body)).toEqual(['model', 'messages', 'stream', 'stream_options'])
  })

  test('images, documents and sounds', () => {
    const parts = [
      { type: 'text', text: 'See:' },
      { type: 'image', url: 'https://a.example/i.png', detail: 'low' },
      { type: 'file', url: 'data:application/pdf;base64,AAAA', name: 'a.pdf' },
      { type: 'audio', url: 'data:audio/mpeg;base64,BBBB' },
    ] as const
    expect(messagesOf([{ role: 'user', content: parts }])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See:' },
          { type: 'image_url', image_url: { url: 'https://a.example/i.png', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
          { type: 'input_audio', input_audio: { data: 'BBBB', format: 'mp3' } },
        ],
      },
    ])
    const remote = [{ type: 'file', url: 'https://a.example/a.pdf' }] as const
    expect(refusal(() => messagesOf([{ role: 'user', content: remote }])).param).toBe('messages[0].content[0]')
  })

  test('turns with calls and thoughts, and what became of them', () => {
    const messages: Message[] = [
      { role: 'system', content: 'Be brief.' },
      { role: 'assistant', content: '', reasoning: 'Hm.', toolCalls: [{ id: 'c', name: 'now', arguments: '{broken' }] },
      { role: 'tool', content: [{ type: 'text', text: 'noon' }], toolCallId: 'c' },
    ]
    const call = { id: 'c', type: 'function', function: { name: 'now', arguments: '{broken' } }
    expect(messagesOf(messages, { systemRole: 'developer', reasoning: 'reasoning_content' })).toEqual([
      { role: 'developer', content: 'Be brief.' },
      { role: 'assistant', content: null, reasoning_content: 'Hm.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: 'noon' },
    ])
    expect(messagesOf(messages)).toMatchObject([{}, { content: null, tool_calls: [call] }, {}])
    expect(JSON.stringify(messagesOf(messages))).not.toContain('Hm.')
    const image = { type: 'image', url: 'data:image/png;base64,AA' } as const
    const pictured = refusal(() => messagesOf([{ role: 'tool', content: [image], toolCallId: 'c' }]))
    expect(pictured).toMatchObject({ code: 'unsupported_parameter', param: 'messages[0].content[0]' })
  })

  test('cache marks go where they are understood', () => {
    const marked: Message = { role: 'user', content: [{ type: 'text', text: 'a', cache: { lifetime: '1h' } }] }
    expect(messagesOf([marked])).toEqual([{ role: 'user', content: 'a' }])
    expect(messagesOf([marked], { cacheMarks: true })).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
    ])
  })
})

describe('tool calls', () => {
  const expected = [{ id: 'a', name: 'weather', arguments: '{"city":"Rome"}' }]
  const named = { id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }

  test('in deltas, whole, without an index, with the name or the arguments late', () => {
    const forms = [
      [
        [{ index: 0, ...named }],
        [{ index: 0, function: { arguments: '{"city":' } }],
        [{ index: 0, function: { arguments: '"Rome"}' } }],
      ],
      [[{ index: 0, ...named }], [{ index: 0, function: { arguments: '{"city":"Rome"}' } }]],
      [[{ id: 'a', function: { name: 'weather', arguments: '{"city":"Rome"}' } }]],
      [[{ id: 'a', function: { name: 'weather', arguments: { city: 'Rome' } } }]],
      [[{ id: 'a', function: { name: 'weather' } }], [{ function: { arguments: '{"city":"Rome"}' } }]],
      [
        [{ index: 0, id: 'a', function: { arguments: '{"city"' } }],
        [{ index: 0, function: { name: 'weather', arguments: ':"Rome"}' } }],
      ],
      // The name and the id again in every piece.
      [[{ index: 0, ...named }], [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"city":"Rome"}' } }]],
    ]
    for (const pieces of forms) {
      const events = read(...pieces.map((calls) => delta({ tool_calls: calls })), delta({}, 'tool_calls'))
      expect(callsOf(events)).toEqual(expected)
      expect(events.filter(({ type }) => type === 'tool-input-start')).toHaveLength(1)
      expect(events.filter(({ type }) => type === 'tool-input-end')).toHaveLength(1)
      expect(events.find(({ type }) => type === 'text-end')).toMatchObject({ finishReason: 'tool-calls' })
    }
  })

  test('several, each with index 0 and an id of its own', () => {
    const call = (id: string) => ({ index: 0, id, function: { name: 'weather', arguments: '{}' } })
    const events = read(delta({ tool_calls: [call('a'), call('b')] }), delta({ tool_calls: [call('c')] }, 'stop'))
    expect(callsOf(events)?.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    // An ordinary end, after calls, is theirs.
    expect(events.at(-2)).toMatchObject({ finishReason: 'tool-calls', rawFinishReason: 'stop' })
  })

  test('arguments that are not JSON stay as they are; an id that is missing is made; a name is needed', () => {
    const events = read(delta({ tool_calls: [{ function: { name: 'f', arguments: '{"a": tru' } }] }, 'tool_calls'))
    expect(callsOf(events)).toEqual([{ id: expect.stringMatching(/^call_\w{32}$/), name: 'f', arguments: '{"a": tru' }])
    expect(refusal(() => read(delta({ tool_calls: [{ id: 'a', function: {} }] }, 'stop'))).code).toBe(
      'provider_invalid_reply',
    )
  })

  test('however they are cut into pieces, they are what the model wrote, one after the other', () => {
    const call = fc.record({
      name: fc.string({ minLength: 1 }),
      arguments: fc.string({ unit: 'grapheme', maxLength: 30 }),
    })
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (calls, size, indexed) => {
          const chunks = calls.flatMap(({ name, arguments: text }, index) => {
            const at = indexed ? { index } : {}
            const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, piece) =>
              text.slice(piece * size, (piece + 1) * size),
            )
            return [
              delta({ tool_calls: [{ ...at, id: `id${index}`, function: { name } }] }),
              ...pieces.map((piece) => delta({ tool_calls: [{ ...at, function: { arguments: piece } }] })),
            ]
          })
          const events = read(...chunks, delta({}, 'tool_calls'))
          expect(callsOf(events)).toEqual(calls.map((each, index) => ({ id: `id${index}`, ...each })))
          const order = events.flatMap((event) =>
            event.type === 'tool-input-start' || event.type === 'tool-input-end' ? [event.toolIndex] : [],
          )
          expect(order).toEqual(calls.flatMap((_, index) => [index, index]))
        },
      ),
    )
  })
})

describe('answers', () => {
  test('thoughts by either name, once where both are there', () => {
    const events = read(
      delta({ reasoning_content: 'a' }),
      delta({ reasoning: 'b' }),
      delta({ reasoning: 'c', reasoning_content: 'c' }),
      delta({ content: 'd' }, 'stop'),
    )
    expect(collect(events).choices[0]).toMatchObject({ reasoning: 'abc', text: 'd' })
  })

  test('a refusal, sources, log probabilities, several choices', () => {
    const top = [{ token: 'H', logprob: -0.1, bytes: [72] }]
    const logprobs = { content: [{ token: 'Hé', logprob: -0.2, bytes: null, top_logprobs: top }] }
    const citation = { type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A' } }
    const events = read(
      { id: 'x', model: 'm-1', system_fingerprint: 'fp', choices: [] },
      { choices: [{ index: 1, delta: { content: 'Hé' }, logprobs }] },
      delta({ refusal: 'No.', annotations: [citation] }, 'content_filter'),
      delta({}, 'stop', 1),
    )
    const { choices, metadata } = collect(events)
    expect(metadata).toEqual({ id: 'x', model: 'm-1', systemFingerprint: 'fp' })
    expect(choices[0]).toMatchObject({
      refusal: 'No.',
      finishReason: 'content-filter',
      sources: [{ url: 'https://a.example', title: 'A' }],
    })
    expect(choices[1]).toMatchObject({ text: 'Hé', finishReason: 'stop' })
    expect(choices[1]?.logprobs).toEqual([{ token: 'Hé', logprob: -0.2, bytes: [72, 195, 169], top }])
  })

  test.each([
    [
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        total_tokens: 13,
        prompt_tokens_details: { cached_tokens: 8, audio_tokens: 1, cache_write_tokens: 2 },
        completion_tokens_details: {
          reasoning_tokens: 3,
          audio_tokens: 1,
          accepted_prediction_tokens: 2,
          rejected_prediction_tokens: 1,
        },
      },
      { total: 9, cacheRead: 8, cacheWrite: 2, audio: 1 },
      { total: 4, reasoning: 3, audio: 1, acceptedPrediction: 2, rejectedPrediction: 1 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 4, prompt_cache_hit_tokens: 6 },
      { total: 9, cacheRead: 6 },
      { total: 4, reasoning: 0 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 4, total_tokens: 16, completion_tokens_details: { reasoning_tokens: 3 } },
      { total: 9, cacheRead: 0 },
      { total: 7, reasoning: 3 },
    ],
    [
      { prompt_tokens: -1, completion_tokens: 'many' },
      { total: 0, cacheRead: 0 },
      { total: 0, reasoning: 0 },
    ],
  ])('usage %j', (usage, inputTokens, outputTokens) => {
    const events = read(delta({ content: 'a' }, 'stop'), { choices: [], usage, service_tier: 'flex' })
    expect(events.at(-1)).toEqual({
      type: 'finish',
      usage: { inputTokens, outputTokens, serviceTier: 'flex', raw: usage },
    })
  })

  test('a stream may end without [DONE] once each choice did, and not before', () => {
    const reader = () => openaiChatWire().reader()
    const done = reader()
    done.read({ data: JSON.stringify(delta({ content: 'a' }, 'stop')) })
    expect(done.end().at(-1)?.type).toBe('finish')
    const half = reader()
    half.read({ data: JSON.stringify(delta({ content: 'a' }, 'stop')) })
    half.read({ data: JSON.stringify(delta({ content: 'b' }, null, 1)) })
    expect(refusal(() => half.end()).code).toBe('provider_invalid_reply')
    expect(refusal(() => reader().end()).code).toBe('provider_invalid_reply')
  })

  test('an error beside choices, or as the reason of the end', () => {
    const reader = () => openaiChatWire().reader()
    const body = {
      choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
      error: { code: 429, message: 'Slow down' },
    }
    expect(refusal(() => reader().read({ data: JSON.stringify(body) }))).toMatchObject({ code: 'rate_limited' })
    const broken = delta({}, 'insufficient_system_resource')
    expect(refusal(() => reader().read({ data: JSON.stringify(broken) })).code).toBe('provider_overloaded')
  })

  test('whatever JSON comes, it is understood or refused as an invalid reply', () => {
    const value = fc.jsonValue()
    const choice = fc.record(
      { index: value, delta: value, message: value, finish_reason: value, logprobs: value, usage: value },
      { requiredKeys: [] },
    )
    const body = fc.oneof(value, fc.record({ id: value, choices: fc.oneof(value, fc.array(choice)), usage: value }))
    fc.assert(
      fc.property(fc.array(body), (bodies) => {
        const reader = openaiChatWire().reader()
        try {
          for (const each of bodies) reader.read({ data: JSON.stringify(each) })
          reader.end()
        } catch (error) {
          expect(error).toBeInstanceOf(InferloomError)
        }
      }),
    )
  })
})
