// Parts follow https://github.com/vercel/ai/tree/main/packages/provider/src/language-model, in its versions 2 to 4. What
// runs in real packages is tested beside them, in test/clients/.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/server-fixture.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { aiSdkError } from './ai-sdk-errors.ts'
import { aiSdkOptions } from './ai-sdk-options.ts'
import { loadAiSdk } from './ai-sdk-package.ts'
import { aiSdkProvider } from './ai-sdk-spec.ts'
import { AiSdkReader } from './ai-sdk-stream.ts'
import { aiSdk } from './ai-sdk.ts'
import { Patience } from './patience.ts'

const provider = 'sdk'
const wire = 'ai-sdk:@ai-sdk/test'

function specOf(version: string) {
  const model = aiSdkProvider({ languageModel: () => ({ specificationVersion: version }) }, provider)
  const made = model.model(['languageModel'], 'm')
  if (!made) throw new Error('no model')
  return made.spec
}

function optionsOf(change: Partial<GenerateRequest> = {}, version = 'v4') {
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const request: GenerateRequest = { model: 'm', input, n: 1, stop: [], sampling: {}, ...change }
  return aiSdkOptions(request, { provider, wire, spec: specOf(version) })
}

const chat = (...messages: Extract<GenerateRequest['input'], { kind: 'chat' }>['messages']) => ({
  input: { kind: 'chat' as const, messages },
})

describe('the options of a call', () => {
  test('have what was asked for and nothing else, as packages warn of whatever is there', () => {
    expect(optionsOf()).toEqual({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] })
    expect(
      optionsOf({
        maxOutputTokens: 5,
        stop: ['END'],
        sampling: { temperature: 0, topP: 0.5, topK: 4, seed: 1, presencePenalty: 0, frequencyPenalty: 0.5 },
        reasoningEffort: 'low',
        responseFormat: { type: 'json-schema', name: 'a', schema: { type: 'object' }, strict: true },
        tools: [
          { name: 'f', parameters: { type: 'object' }, strict: true },
          { name: 'g', description: 'G' },
        ],
        toolChoice: { name: 'f' },
      }),
    ).toMatchObject({
      maxOutputTokens: 5,
      stopSequences: ['END'],
      temperature: 0,
      topP: 0.5,
      topK: 4,
      seed: 1,
      frequencyPenalty: 0.5,
      reasoning: 'low',
      responseFormat: { type: 'json', name: 'a', schema: { type: 'object' } },
      tools: [
        { type: 'function', name: 'f', inputSchema: { type: 'object' }, strict: true },
        { type: 'function', name: 'g', description: 'G', inputSchema: { type: 'object', properties: {} } },
      ],
      toolChoice: { type: 'tool', toolName: 'f' },
    })
  })

  const conversation = chat(
    {
      role: 'user',
      content: [
        { type: 'image', url: 'data:image/png;base64,iVBO' },
        { type: 'file', url: 'https://a.example/b.pdf', name: 'b.pdf' },
      ],
    },
    {
      role: 'assistant',
      content: 'So',
      reasoning: 'not sealed',
      reasoningBlocks: [
        { text: 'Hm', signature: { wire, value: '{"test":{"signature":"s"}}' } },
        { text: 'Not its own', signature: { wire: 'anthropic-messages', value: 's' } },
      ],
      toolCalls: [{ id: 'a', name: 'f', arguments: '{"x":1}' }],
    },
    { role: 'tool', toolCallId: 'a', content: 'No', toolFailed: true },
  )

  test('carry files in the form of each version, and thoughts back with what was attached to them', () => {
    const turn = [
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'Hm', providerOptions: { test: { signature: 's' } } },
          { type: 'text', text: 'So' },
          { type: 'tool-call', toolCallId: 'a', toolName: 'f', input: { x: 1 } },
        ],
      },
      {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId: 'a', toolName: 'f', output: { type: 'error-text', value: 'No' } }],
      },
    ]
    const url = new URL('https://a.example/b.pdf')
    const files = (image: unknown, file: unknown) => ({
      role: 'user',
      content: [
        { type: 'file', mediaType: 'image/png', data: image },
        { type: 'file', mediaType: 'application/pdf', data: file, filename: 'b.pdf' },
      ],
    })
    expect(optionsOf(conversation, 'v4')['prompt']).toEqual([
      files({ type: 'data', data: 'iVBO' }, { type: 'url', url }),
      ...turn,
    ])
    expect(optionsOf(conversation, 'v2')['prompt']).toEqual([files('iVBO', url), ...turn])
  })

  test.each<[string, Partial<GenerateRequest>, string?]>([
    ['prompt', { input: { kind: 'text', prompts: ['a'] } }],
    ['n', { n: 2 }],
    ['logprobs', { topLogprobs: 0 }],
    ['logit_bias', { sampling: { logitBias: new Map([[1, 1]]) } }],
    ['min_p', { sampling: { minP: 0.1 } }],
    ['grammar', { grammar: 'root ::= "a"' }],
    ['reasoning_tokens', { reasoningTokens: 5 }],
    ['reasoning_effort', { reasoningEffort: 'low' }, 'v3'],
    ['parallel_tool_calls', { tools: [{ name: 'f' }], parallelToolCalls: false }],
    ["strict of the tool 'f'", { tools: [{ name: 'f', strict: true }] }, 'v2'],
    [
      'messages[0].content[0] at such an address',
      chat({ role: 'user', content: [{ type: 'file', url: 'file:///etc/hosts' }] }),
    ],
  ])('refuse %s by name', (param, change, version) => {
    expect(() => optionsOf(change, version)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
  })

  test('refuse a result without its call, and arguments that are no object', () => {
    const invalid = (param: string) => expect.objectContaining({ code: 'invalid_value', param })
    expect(() => optionsOf(chat({ role: 'tool', toolCallId: 'a', content: 'x' }))).toThrow(
      invalid('messages[0].tool_call_id'),
    )
    const toolCalls = [{ id: 'a', name: 'f', arguments: '[1]' }]
    expect(() => optionsOf(chat({ role: 'assistant', content: '', toolCalls }))).toThrow(
      invalid('messages[0].tool_calls[0].function.arguments'),
    )
  })
})

describe('an answer', () => {
  const read = (...parts: readonly object[]) => {
    const reader = new AiSdkReader(provider, wire)
    const events = parts.flatMap((part) => reader.read(part))
    reader.end()
    return events
  }
  const nested = {
    inputTokens: { total: 9, noCache: 1, cacheRead: 6, cacheWrite: 2 },
    outputTokens: { total: 5, text: 2, reasoning: 3 },
    raw: { prompt_tokens: 9 },
  }

  test('of version 4 keeps thoughts, calls in pieces and whole, sources, and usage', () => {
    const events = read(
      { type: 'stream-start', warnings: [{ type: 'compatibility', feature: 'x' }] },
      { type: 'response-metadata', id: 'r', modelId: 'm-2026' },
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'Hm' },
      { type: 'reasoning-end', id: '0', providerMetadata: { test: { signature: 's' } } },
      { type: 'text-delta', id: '1', delta: 'Hello' },
      { type: 'tool-input-start', id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', id: 'a', delta: '{}' },
      { type: 'tool-input-end', id: 'a' },
      { type: 'tool-call', toolCallId: 'a', toolName: 'f', input: '{}' },
      { type: 'tool-call', toolCallId: 'b', toolName: 'g', input: '{"x":1}' },
      { type: 'tool-call', toolCallId: 'c', toolName: 'search', input: '{}', providerExecuted: true },
      { type: 'source', sourceType: 'url', id: 's', url: 'https://a.example/', title: 'A' },
      { type: 'finish', finishReason: { unified: 'tool-calls', raw: 'tool_use' }, usage: nested },
    )
    expect(events).toMatchObject([
      { type: 'response-metadata', id: 'r', model: 'm-2026' },
      { type: 'reasoning-delta', text: 'Hm' },
      { type: 'reasoning-end', signature: { wire, value: '{"test":{"signature":"s"}}' } },
      { type: 'text-delta', text: 'Hello' },
      { type: 'tool-input-start', toolIndex: 0, id: 'a', toolName: 'f' },
      { type: 'tool-input-delta', toolIndex: 0, delta: '{}' },
      { type: 'tool-input-end', toolIndex: 0 },
      { type: 'tool-input-start', toolIndex: 1, id: 'b', toolName: 'g' },
      { type: 'tool-input-delta', toolIndex: 1, delta: '{"x":1}' },
      { type: 'tool-input-end', toolIndex: 1 },
      { type: 'raw', wire, value: { toolName: 'search' } },
      { type: 'source', url: 'https://a.example/', title: 'A' },
      { type: 'text-end', finishReason: 'tool-calls', rawFinishReason: 'tool_use' },
      {
        type: 'finish',
        usage: {
          inputTokens: { total: 9, cacheRead: 6, cacheWrite: 2 },
          outputTokens: { total: 5, reasoning: 3 },
          raw: { prompt_tokens: 9 },
        },
      },
    ])
  })

  test('of version 2 has its reason as a word and its usage as numbers', () => {
    const usage = { inputTokens: 9, outputTokens: 5, totalTokens: 14, reasoningTokens: 3, cachedInputTokens: 6 }
    expect(read({ type: 'finish', finishReason: 'length', usage })).toMatchObject([
      { type: 'text-end', finishReason: 'length' },
      {
        type: 'finish',
        usage: { inputTokens: { total: 9, cacheRead: 6 }, outputTokens: { total: 5, reasoning: 3 } },
      },
    ])
  })

  test.each([
    [{ type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'topK' }] }, 'unsupported_parameter', /topK/],
    [
      { type: 'stream-start', warnings: [{ type: 'unsupported-setting', setting: 'seed' }] },
      'unsupported_parameter',
      /seed/,
    ],
    [{ type: 'finish', finishReason: { unified: 'error', raw: undefined }, usage: {} }, 'provider_failed', /broke off/],
    [{ type: 'error', error: new Error('prompt: secret') }, 'provider_failed', /^(?!.*secret)/],
    [{ type: 'tool-input-start', id: 'a' }, 'provider_invalid_reply', /without an id or a name/],
    [{ type: 'text-delta', id: '1', delta: 'cut' }, 'provider_invalid_reply', /before it was complete/],
  ])('that holds %o is %s', (part, code, words) => {
    expect(() => read(part)).toThrow(expect.objectContaining({ code }))
    expect(() => read(part)).toThrow(words)
  })
})

test.each([
  [
    {
      name: 'AI_APICallError',
      statusCode: 429,
      responseHeaders: { 'retry-after': '7' },
      responseBody: '{"message":"slow down"}',
    },
    'rate_limited',
  ],
  [{ name: 'AI_APICallError', statusCode: 401, responseBody: '<html>' }, 'provider_key_refused'],
  [{ name: 'AI_APICallError', message: 'Cannot connect' }, 'provider_unreachable'],
  [{ name: 'AI_APICallError', statusCode: 200 }, 'provider_invalid_reply'],
  [{ name: 'AI_UnsupportedFunctionalityError', functionality: 'image parts' }, 'unsupported_parameter'],
  [{ name: 'AI_LoadAPIKeyError' }, 'provider_key_missing'],
  [{ name: 'AI_TypeValidationError' }, 'provider_invalid_reply'],
  ['what', 'provider_failed'],
  [undefined, 'provider_failed'],
])('the error %o is %s', (thrown, code) => {
  const error = aiSdkError(thrown, provider)
  expect(error.code).toBe(code)
  expect(error.cause).toBeUndefined()
  if (code === 'rate_limited') expect(error).toMatchObject({ retryAfterSeconds: 7, fault: { status: 429, provider } })
})

describe('a package', () => {
  function installed(source: string) {
    const from = temporaryFolder()
    const folder = join(from, 'node_modules', 'some-sdk')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"name":"some-sdk","type":"module","exports":"./index.js"}')
    writeFileSync(join(folder, 'index.js'), source)
    return { name: provider, packageName: 'some-sdk', from }
  }
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'config_invalid', message: expect.stringMatching(message) as string })

  test('that is not installed is asked for by its command, and a path is no name', async () => {
    const from = temporaryFolder()
    const missing = { name: provider, packageName: '@ai-sdk/there-is-none', from }
    await expect(loadAiSdk(missing)).rejects.toThrow(refused(/npm install @ai-sdk\/there-is-none in /))
    for (const name of [undefined, '../x', '/etc/x', 'node:fs', 'data:text/javascript,0', '@ai-sdk/x/../../y', 7]) {
      const make = () => aiSdk.make({ name: provider, keys: [], extra: { package: name } })
      expect(make).toThrow(refused(/providers\.sdk\.package/))
    }
    const late = aiSdk.make({ name: provider, keys: [], extra: { package: '@ai-sdk/there-is-none', from } })
    await expect(late.ready()).rejects.toThrow(refused(/is not installed/))
  })

  test('that exports several makers wants one named, and one that breaks says so', async () => {
    const several = installed('export const createA = () => 1, createB = () => 2')
    await expect(loadAiSdk(several)).rejects.toThrow(refused(/providers\.sdk\.create: .* one of createA, createB/))
    expect((await loadAiSdk({ ...several, create: 'createB' }))({})).toBe(2)
    await expect(loadAiSdk(installed('export const x = 1'))).rejects.toThrow(refused(/exports none/))
    await expect(loadAiSdk(installed('throw new Error("no")'))).rejects.toThrow(refused(/does not load/))
  })

  test('of a version that nobody here knows is refused', () => {
    expect(() => specOf('v9')).toThrow(refused(/speaks version v9 .* not v2, v3, v4/))
    expect(() => specOf('constructor')).toThrow(refused(/speaks version constructor/))
  })
})

test('what the headers of a package’s answer say of limits comes first', async () => {
  const from = temporaryFolder()
  const folder = join(from, 'node_modules', 'some-sdk')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"name":"some-sdk","type":"module","exports":"./index.js"}')
  const source = `export const createA = () => ({ languageModel: () => ({ specificationVersion: 'v3', doStream: async () => ({
    stream: new ReadableStream({ start(c) { c.enqueue({ type: 'finish', finishReason: 'stop', usage: {} }); c.close() } }),
    response: { headers: { 'x-ratelimit-remaining-tokens': '7', 'x-other': 'no' } },
  }) }) })`
  writeFileSync(join(folder, 'index.js'), source)
  const made = aiSdk.make({ name: provider, keys: [], extra: { package: 'some-sdk', from } })
  const input = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] }
  const request: GenerateRequest = { model: 'm', input, n: 1, stop: [], sampling: {} }
  const batches = await Array.fromAsync(made.generate(request, new AbortController().signal))
  expect(batches[0]).toEqual([{ type: 'response-metadata', limits: { 'x-ratelimit-remaining-tokens': '7' } }])
})

describe('patience', () => {
  const timeouts = { connect: 1, firstByte: 0.02, idle: 0.02, total: 5 }
  const never = new Promise<never>(() => {})

  test('ends what takes no notice of anything, and says which setting it was', async () => {
    const patience = new Patience({ provider, timeouts, signal: new AbortController().signal })
    await expect(patience.wait(never, 'idle')).rejects.toThrow(
      expect.objectContaining({ code: 'provider_timeout', message: expect.stringMatching(/timeouts\.idle/) as string }),
    )
    expect(patience.signal.aborted).toBe(true)
    await expect(patience.wait(Promise.resolve(1), 'idle')).rejects.toThrow(/timeouts\.idle/)
    patience.end()
  })

  test('ends with the client, for the client’s reason', async () => {
    const client = new AbortController()
    const patience = new Patience({ provider, timeouts: { ...timeouts, idle: 5 }, signal: client.signal })
    const waited = patience.wait(never, 'idle')
    client.abort(new Error('left'))
    await expect(waited).rejects.toThrow('left')
    // What fails after that was nobody's to wait for any more.
    const late = Promise.reject(new Error('late'))
    await expect(patience.wait(late, 'idle')).rejects.toThrow('left')
    patience.end()
  })
})
