// Installed packages of the AI SDK as providers: one against a running server with the built-in model, and one against
// replies in the form of https://docs.cohere.com/reference/chat-stream.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { collect } from '../../src/dialects/collect.ts'
import type { GenerateRequest } from '../../src/canonical/request.ts'
import { aiSdk } from '../../src/providers/ai-sdk.ts'
import type { Provider } from '../../src/providers/provider.ts'
import type { ProviderSettings } from '../../src/providers/registry.ts'
import { engineOf, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

function bridge(packageName: string, settings: Partial<ProviderSettings> = {}, options: object = {}): Provider {
  const extra = { package: packageName, from: import.meta.dirname, options }
  const provider = aiSdk.make({ name: 'bridge', keys: [], extra, ...settings })
  onTestFinished(() => provider.close())
  return provider
}

const patient = () => new AbortController().signal

function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  const messages = [{ role: 'user' as const, content: 'What is inference?' }]
  const input = { kind: 'chat' as const, messages }
  return { model: 'loom-mini', input, n: 1, stop: [], sampling: { temperature: 0 }, ...change }
}

async function answerOf(provider: Provider, change: Partial<GenerateRequest> = {}) {
  const events = (await Array.fromAsync(provider.generate(request(change), patient()))).flat()
  expect(events.at(-1)?.type).toBe('finish')
  const { choices, usage, metadata } = collect(events)
  const [choice] = choices
  if (!choice) throw new Error('no choice')
  return { ...choice, usage, metadata, events }
}

describe('@ai-sdk/openai-compatible', () => {
  const local = () =>
    bridge(
      '@ai-sdk/openai-compatible',
      { baseUrl: `${server.url}/v1` },
      { includeUsage: true, supportsStructuredOutputs: true },
    )

  test('says what the model says, in pieces, with its usage', async () => {
    const provider = local()
    await provider.ready()
    const { text, usage, metadata, events, finishReason } = await answerOf(provider)
    const direct = await server.client.chat.completions.create({
      model: 'loom-mini',
      temperature: 0,
      messages: [{ role: 'user', content: 'What is inference?' }],
    })
    expect(text).toBe(direct.choices[0]?.message.content)
    expect(events.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(3)
    expect(usage).toMatchObject({
      inputTokens: { total: 12 },
      outputTokens: { total: direct.usage?.completion_tokens },
    })
    expect(metadata.model).toBe('loom-mini')
    expect(finishReason).toBe('stop')
    expect(await answerOf(provider, { maxOutputTokens: 3 })).toMatchObject({ finishReason: 'length' })
  })

  test('calls a tool, and goes on with its result', async () => {
    const provider = local()
    const user = { role: 'user' as const, content: 'What is the weather in Paris?' }
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const tools = [{ name: 'get_weather', description: 'Get the weather in a city', parameters }]
    const { toolCalls, finishReason } = await answerOf(provider, { tools, input: { kind: 'chat', messages: [user] } })
    expect(finishReason).toBe('tool-calls')
    expect(toolCalls).toMatchObject([{ name: 'get_weather' }])
    expect(JSON.parse(toolCalls[0]?.arguments ?? '')).toEqual({ city: 'Paris' })
    const turn = { role: 'assistant' as const, content: '', toolCalls }
    const result = { role: 'tool' as const, toolCallId: toolCalls[0]?.id ?? '', content: '{"temperature": 21}' }
    const { text } = await answerOf(provider, { tools, input: { kind: 'chat', messages: [user, turn, result] } })
    expect(text).toMatch(/\w/)
  })

  test('answers in a form', async () => {
    const schema = { type: 'object', properties: { city: { enum: ['Rome', 'Oslo'] } }, required: ['city'] }
    const responseFormat = { type: 'json-schema' as const, name: 'city', schema, strict: true }
    const { text } = await answerOf(local(), { responseFormat })
    expect(['Rome', 'Oslo']).toContain((JSON.parse(text) as { city: string }).city)
  })

  test('refuses by name what its package would leave out', async () => {
    await expect(answerOf(local(), { n: 2 })).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'n' })
    await expect(answerOf(local(), { sampling: { topK: 5 } })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'topK',
    })
  })

  test('passes on refusals with their status, and that nobody is there', async () => {
    await expect(answerOf(local(), { model: 'gpt-9' })).rejects.toMatchObject({
      code: 'provider_not_found',
      fault: { provider: 'bridge', status: 404 },
    })
    const nowhere = bridge('@ai-sdk/openai-compatible', { baseUrl: 'http://127.0.0.1:9' })
    await expect(answerOf(nowhere)).rejects.toMatchObject({ code: 'provider_unreachable' })
  })

  test('frees what it held when its client leaves, by signal or by not reading on', async () => {
    const left = new AbortController()
    const run = async () => {
      for await (const _ of local().generate(request(), left.signal)) left.abort(new Error('left'))
    }
    await expect(run()).rejects.toThrow('left')
    for await (const _ of local().generate(request(), patient())) break
    await until('nothing runs', async () => (await engineOf(server)).stats.running === 0)
  })

  test('embeds, and refuses what the specification cannot carry', async () => {
    const provider = local()
    const result = await provider.embed?.({ model: 'loom-mini', inputs: ['a', 'b'] }, patient())
    expect(result?.embeddings.map((vector) => Math.hypot(...vector).toFixed(4))).toEqual(['1.0000', '1.0000'])
    expect(result?.inputTokens).toBeGreaterThan(0)
    const asTokens = provider.embed?.({ model: 'loom-mini', inputs: [[1]] }, patient())
    await expect(asTokens).rejects.toThrow(/input\[0\] as token ids/)
    const ranked = provider.rerank?.({ model: 'loom-mini', query: 'q', documents: ['a'] }, patient())
    await expect(ranked).rejects.toMatchObject({ code: 'unsupported_parameter' })
  })

  test('is asked by clients like any other provider, once it is configured', async () => {
    const text = JSON.stringify({
      providers: {
        bridge: {
          kind: 'ai-sdk',
          package: '@ai-sdk/openai-compatible',
          from: import.meta.dirname,
          baseUrl: `${server.url}/v1`,
          options: { includeUsage: true },
        },
      },
    })
    const file = join(temporaryFolder(), 'inferloom.yaml')
    writeFileSync(file, text)
    const front = await startTestServer({}, file)
    onTestFinished(() => front.close())
    const ask = { model: 'bridge/loom-mini', messages: [{ role: 'user' as const, content: 'What is inference?' }] }
    const answer = await front.client.chat.completions.create({ ...ask, temperature: 0 })
    expect(answer.choices[0]?.message.content).toMatch(/^Inference is/)
    expect(answer.usage?.prompt_tokens).toBe(12)
    const refused = front.client.chat.completions.create({ ...ask, logit_bias: { 5: 1 } })
    await expect(refused).rejects.toThrow(/bridge.*logit_bias/)
  })
})

test('@ai-sdk/cohere: keys take turns, and it chats, embeds and ranks', async () => {
  const chunk = (type: string, message: object) => JSON.stringify({ type, index: 0, delta: { message } })
  const end = { finish_reason: 'COMPLETE', usage: { tokens: { input_tokens: 5, output_tokens: 2 } } }
  const upstream = await startUpstream(({ path }) => {
    if (path === '/embed') return json({ embeddings: { float: [[0, 2]] }, meta: { billed_units: { input_tokens: 3 } } })
    if (path === '/rerank') return json({ results: [{ index: 1, relevance_score: 0.5 }], meta: {} })
    return sse([
      JSON.stringify({ type: 'message-start', id: 'm', delta: {} }),
      chunk('content-start', { content: { type: 'text', text: '' } }),
      chunk('content-delta', { content: { text: 'Hello' } }),
      JSON.stringify({ type: 'content-end', index: 0 }),
      JSON.stringify({ type: 'message-end', delta: end }),
    ])
  })
  const provider = bridge('@ai-sdk/cohere', { keys: ['one', 'two'], baseUrl: upstream.url })
  expect(await answerOf(provider)).toMatchObject({ text: 'Hello', usage: { inputTokens: { total: 5 } } })
  const embedded = await provider.embed?.({ model: 'embed-v4.0', inputs: ['a'] }, patient())
  expect(embedded).toEqual({ embeddings: [Float32Array.of(0, 1)], inputTokens: 3 })
  const ranked = await provider.rerank?.({ model: 'rerank-v3.5', query: 'q', documents: ['a', 'b'] }, patient())
  expect(ranked?.ranking).toEqual([{ index: 1, score: 0.5 }])
  const keys = upstream.asked.map(({ headers }) => headers['authorization'])
  expect(keys).toEqual(['Bearer one', 'Bearer two', 'Bearer one'])
})
