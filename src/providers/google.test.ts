import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../test/recordings.ts'
import { json, sse, startUpstream, type Upstream } from '../../test/upstream-fixture.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest, Message } from '../canonical/request.ts'
import { google } from './google.ts'
import type { Provider } from './provider.ts'
import { gemini } from './wire/gemini.ts'

const patient = () => new AbortController().signal

function asGoogle({ url }: Upstream): Provider {
  const provider = google.make({ name: 'google', keys: ['google-key'], baseUrl: `${url}/v1beta` })
  onTestFinished(() => provider.close())
  return provider
}

function asking(messages: readonly Message[], more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: 'gemini-2.5-flash', input: { kind: 'chat', messages }, n: 1, stop: [], sampling: {}, ...more }
}

const hi: readonly Message[] = [{ role: 'user', content: 'Hi' }]

function bodyFor(request: GenerateRequest): Record<string, unknown> {
  return JSON.parse(gemini.request(request, { provider: 'google', stream: true }).body) as Record<string, unknown>
}

function eventsOf(chunks: readonly unknown[]): readonly StreamEvent[] {
  const reader = gemini.reader()
  return [...chunks.flatMap((chunk) => reader.read({ data: JSON.stringify(chunk) })), ...reader.end()]
}

const piece = (parts: readonly object[], more: object = {}) => ({
  candidates: [{ content: { parts }, index: 0, ...more }],
})

test('each kind of request goes to its path with the key, and models come with their context', async () => {
  const upstream = await startUpstream(({ path }) => {
    if (path === '/v1beta/models?pageSize=1000') {
      const can = (...supportedGenerationMethods: string[]) => ({ supportedGenerationMethods })
      const chat = { name: 'models/gemini-2.5-flash', inputTokenLimit: 1_048_576, ...can('generateContent') }
      return json({ models: [chat, { name: 'models/veo', ...can('predictLongRunning') }] })
    }
    if (path.endsWith(':countTokens')) return json({ totalTokens: 3 })
    if (path.endsWith(':batchEmbedContents')) return json({ embeddings: [{ values: [0, 2] }] })
    return sse([JSON.stringify(piece([{ text: 'Hello' }], { finishReason: 'STOP' }))])
  })
  const provider = asGoogle(upstream)
  const events = (await Array.fromAsync(provider.generate(asking(hi), patient()))).flat()
  expect(events).toMatchObject([{ text: 'Hello' }, { type: 'text-end', finishReason: 'stop' }, { type: 'finish' }])
  const embedded = await provider.embed?.({ model: 'gemini-embedding-001', inputs: ['a'] }, patient())
  expect(embedded?.embeddings).toEqual([Float32Array.of(0, 1)])
  expect(upstream.body()).toEqual({
    requests: [{ model: 'models/gemini-embedding-001', content: { parts: [{ text: 'a' }] } }],
  })
  expect(await provider.countTokens?.(asking(hi), patient())).toEqual({ tokens: 3, exact: true })
  expect(upstream.body()).toEqual({
    generateContentRequest: {
      model: 'models/gemini-2.5-flash',
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    },
  })
  expect(provider.models()).toMatchObject([{ id: 'gemini-2.5-flash', contextTokens: 1_048_576 }])
  expect(new Set(upstream.asked.map(({ path }) => path))).toEqual(
    new Set([
      '/v1beta/models?pageSize=1000',
      '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
      '/v1beta/models/gemini-embedding-001:batchEmbedContents',
      '/v1beta/models/gemini-2.5-flash:countTokens',
    ]),
  )
  for (const { headers } of upstream.asked) expect(headers['x-goog-api-key']).toBe('google-key')
})

describe('a request', () => {
  test('says everything that Gemini has words for', () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } }
    const body = bodyFor(
      asking([{ role: 'system', content: 'Be brief.' }, ...hi], {
        n: 2,
        maxOutputTokens: 50,
        stop: ['END'],
        sampling: {
          temperature: 0,
          topP: 0.5,
          topK: 40,
          presencePenalty: 1,
          frequencyPenalty: -1,
          seed: 4_294_967_295,
        },
        topLogprobs: 3,
        tools: [{ name: 'weather', description: 'Tells it', parameters }],
        toolChoice: { name: 'weather' },
        responseFormat: { type: 'json-schema', name: 'answer', schema: parameters, strict: true },
        reasoningEffort: 'high',
        showReasoning: true,
        serviceTier: 'flex',
      }),
    )
    expect(body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      tools: [
        { functionDeclarations: [{ name: 'weather', description: 'Tells it', parametersJsonSchema: parameters }] },
      ],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } },
      generationConfig: {
        temperature: 0,
        topP: 0.5,
        topK: 40,
        presencePenalty: 1,
        frequencyPenalty: -1,
        seed: -1,
        maxOutputTokens: 50,
        candidateCount: 2,
        stopSequences: ['END'],
        responseLogprobs: true,
        logprobs: 3,
        responseMimeType: 'application/json',
        responseJsonSchema: parameters,
        thinkingConfig: { includeThoughts: true, thinkingBudget: 24_576 },
      },
      serviceTier: 'flex',
    })
  })

  test('carries pictures, sound, documents and addresses', () => {
    const content = [
      { type: 'text', text: 'See' },
      { type: 'image', url: 'data:image/png;base64,AAAA', detail: 'low' },
      { type: 'audio', url: 'data:audio/wav;base64,BBBB' },
      { type: 'file', url: 'https://example.com/a/Report.PDF?x=1' },
    ] as const
    expect(bodyFor(asking([{ role: 'user', content }]))).toMatchObject({
      contents: [
        {
          parts: [
            { text: 'See' },
            { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
            { inlineData: { mimeType: 'audio/wav', data: 'BBBB' } },
            { fileData: { fileUri: 'https://example.com/a/Report.PDF?x=1', mimeType: 'application/pdf' } },
          ],
        },
      ],
      generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    })
  })

  test('gives calls, what proves them and their results back', () => {
    const signature = { wire: 'gemini', value: 'c2ln' }
    const turn: readonly Message[] = [
      ...hi,
      {
        role: 'assistant',
        content: 'Let me see.',
        reasoningBlocks: [
          { text: 'Hm', signature },
          { text: '', signature: { wire: 'anthropic-messages', value: 'x' } },
        ],
        toolCalls: [
          { id: '1', name: 'weather', arguments: '{"city":"Paris"}', signature },
          { id: '2', name: 'time', arguments: '' },
        ],
      },
      { role: 'tool', toolCallId: '1', content: '{"degrees":20}' },
      { role: 'tool', toolCallId: '2', content: 'no clock', toolFailed: true },
    ]
    expect(bodyFor(asking(turn))['contents']).toEqual([
      { role: 'user', parts: [{ text: 'Hi' }] },
      {
        role: 'model',
        parts: [
          { text: 'Let me see.', thoughtSignature: 'c2ln' },
          { functionCall: { id: '1', name: 'weather', args: { city: 'Paris' } }, thoughtSignature: 'c2ln' },
          { functionCall: { id: '2', name: 'time', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: '1', name: 'weather', response: { degrees: 20 } } },
          { functionResponse: { id: '2', name: 'time', response: { error: 'no clock' } } },
        ],
      },
    ])
  })

  test.each([
    ['gemini-3-pro-preview', 'skip_thought_signature_validator'],
    ['gemini-2.5-pro', undefined],
  ])('%s: a call that another model made is marked %s', (model, thoughtSignature) => {
    const call = { id: '1', name: 'weather', arguments: '{}' }
    const turn: Message[] = [...hi, { role: 'assistant', content: '', toolCalls: [call, { ...call, id: '2' }] }]
    const { contents } = bodyFor(asking(turn, { model })) as { contents: { parts: Record<string, unknown>[] }[] }
    expect(contents[1]?.parts.map((part) => part['thoughtSignature'])).toEqual([thoughtSignature, undefined])
  })

  test.each([
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'LOW' }],
    ['gemini-flash-latest', 'high', { thinkingLevel: 'HIGH' }],
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
  ] as const)('%s thinks %s', (model, reasoningEffort, thinkingConfig) => {
    expect(bodyFor(asking(hi, { model, reasoningEffort }))).toMatchObject({ generationConfig: { thinkingConfig } })
  })

  test.each([
    ['grammar', asking(hi, { grammar: 'root ::= "a"' })],
    ['min_p', asking(hi, { sampling: { minP: 0.1 } })],
    ['logit_bias', asking(hi, { sampling: { logitBias: new Map([[1, 2]]) } })],
    ['verbosity', asking(hi, { verbosity: 'low' })],
    ['parallel_tool_calls', asking(hi, { tools: [{ name: 'a' }], parallelToolCalls: false })],
    ['reasoning_effort = "none"', asking(hi, { model: 'gemini-3-flash', reasoningEffort: 'none' })],
    ['prompt', { ...asking(hi), input: { kind: 'text', prompts: ['a'] } }],
  ] as const)('is refused where it asks for %s', (param, request) => {
    expect(() => bodyFor(request)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
  })

  test('is refused where arguments are no object, or a result answers no call', () => {
    const call = { id: '1', name: 'weather', arguments: '{"city":' }
    const broken: Message[] = [...hi, { role: 'assistant', content: '', toolCalls: [call] }]
    const orphan: Message[] = [...hi, { role: 'tool', toolCallId: 'x', content: '' }]
    const param = 'messages[1].tool_calls[0].function.arguments'
    expect(() => bodyFor(asking(broken))).toThrow(expect.objectContaining({ code: 'invalid_value', param }))
    expect(() => bodyFor(asking(orphan))).toThrow(expect.objectContaining({ param: 'messages[1].tool_call_id' }))
  })

  test('never leaves the place of its model', () => {
    const { path } = gemini.request(asking(hi, { model: 'a/../b?c#d:e' }), { provider: 'google', stream: false })
    expect(path).toBe('/models/a%2F..%2Fb%3Fc%23d%3Ae:generateContent')
    const tuned = gemini.request(asking(hi, { model: 'tunedModels/mine' }), { provider: 'google', stream: true })
    expect(tuned.path).toBe('/tunedModels/mine:streamGenerateContent?alt=sse')
  })
})

describe('a stream', () => {
  test('holds thoughts, words, calls and sources', () => {
    const grounding = { groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }] }
    const events = eventsOf([
      { ...piece([{ text: 'Hm', thought: true }]), responseId: 'r', modelVersion: 'gemini-x' },
      piece([{ text: 'Yes', thoughtSignature: 'c2ln' }], { finishReason: 'STOP' }),
      piece([{ functionCall: { name: 'weather', args: { city: 'Paris' } } }, { executableCode: { code: '1' } }]),
      {
        ...piece([{ text: '' }], { finishReason: 'STOP', groundingMetadata: grounding }),
        usageMetadata: {
          promptTokenCount: 9,
          cachedContentTokenCount: 4,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 7,
        },
      },
    ])
    expect(events).toMatchObject([
      { type: 'response-metadata', id: 'r', model: 'gemini-x' },
      { type: 'reasoning-delta', text: 'Hm' },
      { type: 'text-delta', text: 'Yes' },
      { type: 'reasoning-end', signature: { wire: 'gemini', value: 'c2ln' } },
      { type: 'tool-input-start', toolIndex: 0, toolName: 'weather', id: expect.stringMatching(/^call_[\da-f]{32}$/) },
      { type: 'tool-input-delta', delta: '{"city":"Paris"}' },
      { type: 'tool-input-end' },
      { type: 'raw', wire: 'gemini', value: { part: { executableCode: { code: '1' } } } },
      { type: 'source', url: 'https://a.example/', title: 'A' },
      { type: 'raw', wire: 'gemini', value: { beside: { groundingMetadata: grounding } } },
      { type: 'text-end', finishReason: 'tool-calls', rawFinishReason: 'STOP' },
      {
        type: 'finish',
        usage: { inputTokens: { total: 9, cacheRead: 4 }, outputTokens: { total: 12, reasoning: 7 } },
      },
    ])
  })

  test('holds several candidates with the probabilities of their tokens', () => {
    const chosen = { token: 'é', logProbability: -0.5 }
    const logprobsResult = { chosenCandidates: [chosen], topCandidates: [{ candidates: [chosen] }] }
    const candidates = [0, 1].map((index) => ({
      index,
      content: { parts: [{ text: 'é' }] },
      finishReason: index === 0 ? 'MAX_TOKENS' : 'SAFETY',
      logprobsResult,
    }))
    const token = { token: 'é', logprob: -0.5, bytes: [0xc3, 0xa9] }
    expect(eventsOf([{ candidates }])).toMatchObject([
      { type: 'text-delta', choiceIndex: 0, logprobs: [{ ...token, top: [token] }] },
      { type: 'text-delta', choiceIndex: 1 },
      { type: 'text-end', choiceIndex: 0, finishReason: 'length' },
      { type: 'text-end', choiceIndex: 1, finishReason: 'content-filter' },
      { type: 'finish' },
    ])
  })

  test('may tell the probabilities of its words in a piece without words, and none of thoughts', () => {
    const logprobsResult = { chosenCandidates: [{ token: 'Hi', logProbability: -0.5 }] }
    const logprobs = [{ token: 'Hi', logprob: -0.5, bytes: [72, 105], top: [] }]
    const ended = { finishReason: 'STOP', logprobsResult }
    const thoughts = { candidates: [{ content: { parts: [{ text: 'Hm', thought: true }] }, logprobsResult }] }
    for (const content of [undefined, { parts: [{ text: '' }] }, { parts: [] }]) {
      const events = eventsOf([thoughts, piece([{ text: 'Hi' }]), { candidates: [{ content, ...ended }] }])
      expect(events.slice(0, 3)).toEqual([
        { type: 'reasoning-delta', choiceIndex: 0, text: 'Hm' },
        { type: 'text-delta', choiceIndex: 0, text: 'Hi' },
        { type: 'text-delta', choiceIndex: 0, text: '', logprobs },
      ])
    }
  })

  test.each([
    ['content_filtered', [{ promptFeedback: { blockReason: 'SAFETY' } }]],
    ['provider_failed', [piece([], { finishReason: 'MALFORMED_FUNCTION_CALL' })]],
    ['provider_overloaded', [{ error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } }]],
    ['provider_invalid_reply', [piece([{ text: 'cut' }])]],
    ['provider_invalid_reply', []],
    ['provider_invalid_reply', [{ candidates: 'none' }]],
  ])('that ends badly throws %s', (code, chunks) => {
    expect(() => eventsOf(chunks)).toThrow(expect.objectContaining({ code }))
  })
})

describe('a refusal', () => {
  const refused = (status: number, error: object) =>
    gemini.refusal({ provider: 'google', status, headers: {}, body: JSON.stringify({ error }) })
  const exhausted = (quotaId: string) => ({
    message: 'You exceeded your current quota, please check your plan and billing details.',
    status: 'RESOURCE_EXHAUSTED',
    details: [{ violations: [{ quotaId }] }, { retryDelay: '34.4s' }],
  })

  test.each([
    ['rate_limited', 429, exhausted('GenerateRequestsPerMinutePerProjectPerModel-FreeTier')],
    ['quota_exceeded', 429, exhausted('GenerateRequestsPerDayPerProjectPerModel-FreeTier')],
    ['rate_limited', 429, { message: 'Resource exhausted. Please try again later.', status: 'RESOURCE_EXHAUSTED' }],
    [
      'provider_key_refused',
      400,
      { message: 'No', status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] },
    ],
    ['provider_permission_denied', 400, { message: 'User location is not supported.', status: 'FAILED_PRECONDITION' }],
    ['context_length_exceeded', 400, { message: 'The input token count (9) exceeds the maximum number of tokens' }],
    ['provider_not_found', 404, { message: 'models/x is not found', status: 'NOT_FOUND' }],
    ['provider_overloaded', 503, { message: 'The model is overloaded.', status: 'UNAVAILABLE' }],
  ])('is %s', (code, status, error) => {
    expect(refused(status, error)).toMatchObject({ code, fault: { provider: 'google', status } })
  })

  test('says when to ask again', () => {
    expect(refused(429, exhausted('PerMinute'))).toMatchObject({ retryAfterSeconds: 34.4 })
  })

  test('may be anything', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer({ min: 400, max: 599 }), (body, status) => {
        const error = gemini.refusal({ provider: 'google', status, headers: {}, body })
        expect(error.fault).toMatchObject({ provider: 'google', status })
      }),
    )
  })
})

const streams = recordedStreams('google')
describe.skipIf(streams.length === 0)('recorded replies', () => {
  test.each(streams.map(({ name, chunks }) => [name, chunks] as const))('%s', async (name, chunks) => {
    const called = name.includes('tool')
    const events = eventsOf(chunks.map((chunk) => JSON.parse(chunk) as unknown))
    expect(events.at(-2)).toMatchObject({ type: 'text-end', finishReason: called ? 'tool-calls' : 'stop' })
    expect(events.some(({ type }) => type === (called ? 'tool-input-start' : 'text-delta'))).toBe(true)
    expect(events.filter((event) => 'signature' in event)).toHaveLength(1)
    const finish = events.at(-1)
    const usage = finish?.type === 'finish' ? finish.usage : undefined
    expect(usage?.outputTokens.reasoning).toBeGreaterThan(0)
    expect(usage?.outputTokens.total).toBeGreaterThan(usage?.outputTokens.reasoning ?? Infinity)
  })

  test.each(streams.map(({ name, chunks }) => [name, chunks] as const))('%s, however it is cut', async (_, chunks) => {
    const whole = eventsOf(chunks.map((chunk) => JSON.parse(chunk) as unknown)).map(withoutId)
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(sizes, async (cut) => {
        const upstream = await startUpstream(() => ({ ...sse(chunks), cut }))
        const provider = asGoogle(upstream)
        const events = (await Array.fromAsync(provider.generate(asking(hi), patient()))).flat()
        expect(events.map(withoutId)).toEqual(whole)
        const request = { wire: 'gemini', model: 'gemini-x', body: '{}', stream: true, headers: {} }
        const relayed = await provider.relay?.(request, patient())
        const passed = relayed ? await Array.fromAsync(relayed.chunks) : []
        expect(Buffer.concat(passed.map(({ bytes }) => bytes)).toString()).toBe(sse(chunks).body)
        const finish = whole.at(-1)
        expect(passed.at(-1)?.usage).toEqual(finish?.type === 'finish' ? finish.usage : undefined)
      }),
      { numRuns: 5 },
    )
  })

  test.each(recordedReplies('google').map(({ name, body }) => [name, body] as const))('%s', (name, body) => {
    if (name.includes('429')) {
      const refused = gemini.refusal({ provider: 'google', status: 429, headers: {}, body: JSON.stringify(body) })
      return expect(refused).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 34.4 })
    }
    const calls = gemini.whole(body).filter(({ type }) => type === 'tool-input-start')
    expect(calls).toHaveLength(name.includes('tool') ? 1 : 0)
  })
})

/** Google names no calls here, so each reading makes a name up. */
function withoutId(event: StreamEvent): StreamEvent {
  return event.type === 'tool-input-start' ? { ...event, id: '' } : event
}

describe('a request that is passed on', () => {
  test.each([
    ['is cut', { body: sse([JSON.stringify(piece([{ text: 'a' }]))]).body ?? '' }, 'provider_invalid_reply'],
    ['ends with an error of the provider', { body: 'data: {"error":{"code":500,"message":"x"}}\n\n' }, undefined],
  ])('%s', async (_, { body }, code) => {
    const upstream = await startUpstream(() => ({ headers: { 'content-type': 'text/event-stream' }, body }))
    const request = { wire: 'gemini', model: 'm', body: '{"a":1}', stream: true, headers: {} }
    const reply = await asGoogle(upstream).relay?.(request, patient())
    const read = async () => Buffer.concat((await Array.fromAsync(reply!.chunks)).map(({ bytes }) => bytes)).toString()
    if (code === undefined) expect(await read()).toBe(body)
    else await expect(read()).rejects.toMatchObject({ code })
  })
})
