// Fixtures follow https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
import { describe, expect, test } from 'vitest'
import type { GenerateRequest } from '../../canonical/request.ts'
import { bedrockConverse } from './bedrock-converse.ts'

const provider = 'amazon-bedrock'
const claude = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'

function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  return { model: claude, input, n: 1, stop: [], sampling: {}, ...change }
}

const bodyOf = (change: Partial<GenerateRequest> = {}) =>
  JSON.parse(bedrockConverse.request(request(change), { provider, stream: false }).body) as Record<string, unknown>

const chat = (...messages: Extract<GenerateRequest['input'], { kind: 'chat' }>['messages']) => ({
  input: { kind: 'chat' as const, messages },
})

function read(events: readonly (readonly [string, object])[]) {
  const reader = bedrockConverse.reader()
  return [...events.flatMap(([event, data]) => reader.read({ event, data: JSON.stringify(data) })), ...reader.end()]
}

describe('a request', () => {
  test('names the model in the path, percent-encoded, and the kind of answer', () => {
    const model = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0'
    const { path } = bedrockConverse.request(request({ model }), { provider, stream: true })
    expect(path).toBe(`/model/${encodeURIComponent(model)}/converse-stream`)
    expect(path).toContain('arn%3Aaws%3Abedrock')
    expect(path).toContain('inference-profile%2Feu.amazon')
  })

  test('holds instructions apart and puts what follows one another into turns', () => {
    const body = bodyOf(
      chat(
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is the weather in Paris and Rome?' },
        {
          role: 'assistant',
          content: ' ',
          reasoningBlocks: [
            { text: 'Two calls.', signature: { wire: 'bedrock-converse', value: 'sig' } },
            { text: '', encrypted: { wire: 'bedrock-converse', value: 'c2VhbA==' } },
            { text: 'Not ours.', signature: { wire: 'anthropic-messages', value: 'other' } },
          ],
          toolCalls: [
            { id: 'a', name: 'weather', arguments: '{"city":"Paris"}' },
            { id: 'b', name: 'weather', arguments: '' },
          ],
        },
        { role: 'tool', content: 'Sunny', toolCallId: 'a' },
        { role: 'tool', content: 'No such city', toolCallId: 'b', toolFailed: true },
        { role: 'user', content: 'So?' },
      ),
    )
    expect(body['system']).toEqual([{ text: 'Be brief.' }])
    expect(body['messages']).toEqual([
      { role: 'user', content: [{ text: 'What is the weather in Paris and Rome?' }] },
      {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'Two calls.', signature: 'sig' } } },
          { reasoningContent: { redactedContent: 'c2VhbA==' } },
          { toolUse: { toolUseId: 'a', name: 'weather', input: { city: 'Paris' } } },
          { toolUse: { toolUseId: 'b', name: 'weather', input: {} } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'a', content: [{ text: 'Sunny' }] } },
          { toolResult: { toolUseId: 'b', content: [{ text: 'No such city' }], status: 'error' } },
          { text: 'So?' },
        ],
      },
    ])
  })

  test('carries images, documents and cache marks', () => {
    const body = bodyOf(
      chat({
        role: 'user',
        content: [
          { type: 'image', url: 'data:image/jpeg;base64,/9j/' },
          { type: 'file', url: 'data:application/pdf;base64,JVBERi0=', name: 'a_b/c.pdf' },
          { type: 'file', url: 'data:text/markdown;charset=utf-8;base64,Iw==' },
          { type: 'text', text: 'Compare.', cache: { lifetime: '1h' } },
        ],
      }),
    )
    expect(body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { image: { format: 'jpeg', source: { bytes: '/9j/' } } },
          { document: { name: 'a b c (1)', format: 'pdf', source: { bytes: 'JVBERi0=' } } },
          { document: { name: 'document 2', format: 'md', source: { bytes: 'Iw==' } } },
          { text: 'Compare.' },
          { cachePoint: { type: 'default', ttl: '1h' } },
        ],
      },
    ])
  })

  test('carries settings, tools, a schema and what a model family wants under its own names', () => {
    const tools = [
      { name: 'weather', description: 'Of a city', parameters: { type: 'object' }, strict: true, cache: {} },
    ]
    const body = bodyOf({
      sampling: { temperature: 0.5, topP: 0.9, topK: 40 },
      maxOutputTokens: 100,
      stop: ['END'],
      tools,
      toolChoice: 'required',
      responseFormat: { type: 'json-schema', name: 'answer', schema: { type: 'object' }, strict: true },
      reasoningTokens: 2000,
      metadata: { team: 'a' },
      serviceTier: 'flex',
    })
    expect(body).toMatchObject({
      inferenceConfig: { maxTokens: 100, temperature: 0.5, topP: 0.9, stopSequences: ['END'] },
      toolConfig: {
        tools: [
          {
            toolSpec: {
              name: 'weather',
              description: 'Of a city',
              inputSchema: { json: { type: 'object' } },
              strict: true,
            },
          },
          { cachePoint: { type: 'default' } },
        ],
        toolChoice: { any: {} },
      },
      outputConfig: {
        textFormat: {
          type: 'json_schema',
          structure: { jsonSchema: { name: 'answer', schema: '{"type":"object"}' } },
        },
      },
      additionalModelRequestFields: { top_k: 40, thinking: { type: 'enabled', budget_tokens: 2000 } },
      additionalModelResponseFieldPaths: ['/delta/stop_sequence', '/stop_sequence'],
      requestMetadata: { team: 'a' },
      serviceTier: { type: 'flex' },
    })
  })

  test('asks each family for its effort in its own words', () => {
    const fieldsOf = (model: string) => bodyOf({ model, reasoningEffort: 'low' })['additionalModelRequestFields']
    expect(fieldsOf('global.anthropic.claude-opus-4-7-v1')).toEqual({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'low' },
    })
    expect(fieldsOf(claude)).toEqual({ thinking: { type: 'enabled', budget_tokens: 2048 } })
    expect(fieldsOf('us.amazon.nova-2-lite-v1:0')).toEqual({
      reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' },
    })
    expect(fieldsOf('openai.gpt-oss-120b-1:0')).toEqual({ reasoning_effort: 'low' })
  })

  const tool = { tools: [{ name: 'f' }] }
  const called = chat(
    { role: 'user', content: 'Go' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] },
    { role: 'tool', content: '', toolCallId: 'a' },
  )
  test.each<[string, Partial<GenerateRequest>]>([
    ['prompt', { input: { kind: 'text', prompts: ['a'] } }],
    ['n', { n: 2 }],
    ['seed', { sampling: { seed: 1 } }],
    ['presence_penalty', { sampling: { presencePenalty: 1 } }],
    ['logit_bias', { sampling: { logitBias: new Map([[1, 2]]) } }],
    ['logprobs', { topLogprobs: 0 }],
    ['grammar', { grammar: 'root ::= "a"' }],
    ['parallel_tool_calls', { ...tool, parallelToolCalls: false }],
    ['response_format of type json_object', { responseFormat: { type: 'json' } }],
    ['reasoning_effort = "low"', { model: 'meta.llama3-8b-instruct-v1:0', reasoningEffort: 'low' }],
    ['top_k', { model: 'meta.llama3-8b-instruct-v1:0', sampling: { topK: 4 } }],
    ['tool_choice = "none" in a conversation with tool calls', { ...tool, ...called, toolChoice: 'none' }],
    ['messages[0].content[0]', chat({ role: 'user', content: [{ type: 'image', url: 'https://a.example/b.png' }] })],
  ])('refuses %s by name', (param, change) => {
    const refused = expect(() => bodyOf(change))
    refused.toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
    refused.toThrow(/amazon-bedrock.*Remedy/)
  })

  test('refuses arguments that are no object, by their place and without their text', () => {
    const toolCalls = [{ id: 'a', name: 'f', arguments: '{"secret":' }]
    const broken = () => bodyOf(chat({ role: 'assistant', content: '', toolCalls }))
    expect(broken).toThrow(/messages\[0\]\.tool_calls\[0\]\.function\.arguments is not a JSON object/)
    expect(broken).not.toThrow(/secret/)
  })

  test('lets settings pass that change nothing', () => {
    const sampling = { presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map(), topK: 0, repeatPenalty: 1 }
    expect(bodyOf({ sampling, ...tool, toolChoice: 'none' })).toEqual({
      messages: [{ role: 'user', content: [{ text: 'Hi' }] }],
    })
  })
})

describe('an answer', () => {
  const usage = { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 100, cacheWriteInputTokens: 20 }

  test('is read from a stream, whichever of stop and usage comes first', () => {
    const blocks = [
      ['messageStart', { role: 'assistant' }],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'Hm' } }, p: 'abc' }],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { signature: 'sig' } } }],
      ['contentBlockStop', { contentBlockIndex: 0 }],
      ['contentBlockDelta', { contentBlockIndex: 1, delta: { reasoningContent: { redactedContent: 'c2Vh' } } }],
      ['contentBlockStop', { contentBlockIndex: 1 }],
      ['contentBlockDelta', { contentBlockIndex: 2, delta: { text: 'Hello' } }],
      ['contentBlockStop', { contentBlockIndex: 2 }],
      ['contentBlockStart', { contentBlockIndex: 3, start: { toolUse: { toolUseId: 'a', name: 'f' } } }],
      ['contentBlockDelta', { contentBlockIndex: 3, delta: { toolUse: { input: '{"x":' } } }],
      ['contentBlockDelta', { contentBlockIndex: 3, delta: { toolUse: { input: '1}' } } }],
      ['contentBlockStop', { contentBlockIndex: 3 }],
      ['aKindThatComesLater', {}],
    ] as const
    const stop = ['messageStop', { stopReason: 'tool_use' }] as const
    const metadata = ['metadata', { usage, metrics: { latencyMs: 1 } }] as const
    const events = read([...blocks, stop, metadata])
    expect(read([...blocks, metadata, stop])).toEqual(events)
    const wire = 'bedrock-converse'
    expect(events).toEqual([
      { type: 'reasoning-delta', choiceIndex: 0, text: 'Hm' },
      { type: 'reasoning-end', choiceIndex: 0, signature: { wire, value: 'sig' } },
      { type: 'reasoning-end', choiceIndex: 0, encrypted: { wire, value: 'c2Vh' } },
      { type: 'text-delta', choiceIndex: 0, text: 'Hello' },
      { type: 'tool-input-start', choiceIndex: 0, toolIndex: 0, id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: '{"x":' },
      { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: '1}' },
      { type: 'tool-input-end', choiceIndex: 0, toolIndex: 0 },
      { type: 'text-end', choiceIndex: 0, finishReason: 'tool-calls', rawFinishReason: 'tool_use' },
      {
        type: 'finish',
        usage: {
          inputTokens: { total: 130, cacheRead: 100, cacheWrite: 20 },
          outputTokens: { total: 5, reasoning: 0 },
          raw: usage,
        },
      },
    ])
  })

  test('is read whole, with its citations', () => {
    const events = bedrockConverse.whole({
      output: {
        message: {
          role: 'assistant',
          content: [
            {
              citationsContent: {
                content: [{ text: 'Paris' }],
                citations: [{ title: 'Atlas', location: { web: { url: 'https://a.example/' } } }],
              },
            },
          ],
        },
      },
      stopReason: 'stop_sequence',
      additionalModelResponseFields: { stop_sequence: 'END' },
      usage: { ...usage, cacheDetails: [{ ttl: '1h', inputTokens: 15 }] },
      serviceTier: { type: 'flex' },
    })
    expect(events).toMatchObject([
      { type: 'text-delta', text: 'Paris' },
      { type: 'source', url: 'https://a.example/', title: 'Atlas' },
      { type: 'text-end', finishReason: 'stop', stopString: 'END' },
      { type: 'finish', usage: { serviceTier: 'flex', inputTokens: { cacheWrite: 20, cacheWriteHour: 15 } } },
    ])
  })

  test.each([
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['guardrail_intervened', 'content-filter'],
    ['content_filtered', 'content-filter'],
    ['something_new', 'stop'],
    ['constructor', 'stop'],
  ])('that ended by %s says %s', (stopReason, finishReason) => {
    expect(read([['messageStop', { stopReason }]])[0]).toMatchObject({ finishReason, rawFinishReason: stopReason })
  })

  test.each([
    ['throttlingException', 'rate_limited'],
    ['serviceUnavailableException', 'provider_overloaded'],
    ['modelStreamErrorException', 'provider_failed'],
    ['internalServerException', 'provider_failed'],
    ['validationException', 'provider_refused'],
    ['someNewException', 'provider_failed'],
  ])('that breaks with %s throws %s', (event, code) => {
    expect(() => read([[event, { message: 'why' }]])).toThrow(expect.objectContaining({ code }))
    expect(() => read([[event, { message: 'why' }]])).toThrow(/why/)
  })

  test('that is cut, malformed or not what it should be is no answer', () => {
    const invalid = expect.objectContaining({ code: 'provider_invalid_reply' })
    expect(() => read([['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'He' } }]])).toThrow(invalid)
    expect(() => bedrockConverse.reader().read({ event: 'messageStop', data: '{' })).toThrow(invalid)
    expect(() => read([['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 5 } }]])).toThrow(invalid)
    expect(() => read([['contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: '' } } }]])).toThrow(
      invalid,
    )
    for (const body of [null, [], 'x', {}, { output: { message: { content: [5] } }, stopReason: 'end_turn' }]) {
      expect(() => bedrockConverse.whole(body)).toThrow(invalid)
    }
    expect(() => read([['messageStop', { stopReason: 'malformed_tool_use' }]])).toThrow(
      expect.objectContaining({ code: 'provider_failed' }),
    )
  })
})

describe('a refusal', () => {
  const refusal = (status: number, type: string, message: string) =>
    bedrockConverse.refusal({
      provider,
      status,
      headers: { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/`, 'x-amzn-requestid': 'r1' },
      body: JSON.stringify({ message }),
    })

  test.each([
    [429, 'ThrottlingException', 'Too many requests', 'rate_limited'],
    [429, 'ThrottlingException', 'Too many tokens per day', 'quota_exceeded'],
    [400, 'ValidationException', 'Input is too long for requested model.', 'context_length_exceeded'],
    [400, 'ValidationException', 'messages.0 is wrong', 'provider_refused'],
    [403, 'UnrecognizedClientException', 'The security token is invalid', 'provider_key_refused'],
    [403, 'AccessDeniedException', 'no access to the model', 'provider_permission_denied'],
    [404, 'ResourceNotFoundException', 'no such model', 'provider_not_found'],
    [408, 'ModelTimeoutException', '', 'provider_timeout'],
    [424, 'ModelErrorException', '', 'provider_failed'],
    [429, 'ModelNotReadyException', '', 'provider_overloaded'],
    [400, 'ServiceQuotaExceededException', '', 'quota_exceeded'],
    [503, 'WhatIsThis', '', 'provider_overloaded'],
  ])('%i %s "%s" is %s', (status, type, message, code) => {
    const error = refusal(status, type, message)
    expect(error).toMatchObject({ code, fault: { provider, status, code: type, requestId: 'r1' } })
    expect(error.message).toContain(message)
  })

  test('that is a page of HTML is told by its status alone', () => {
    const error = bedrockConverse.refusal({ provider, status: 502, headers: {}, body: '<html>key=abc</html>' })
    expect(error.code).toBe('provider_failed')
    expect(error.message).not.toContain('abc')
  })
})
