// Vercel's AI SDK over its OpenAI-compatible and OpenAI chat packages, against a running server with the built-in model.
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, embed, embedMany, generateText, Output, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'
import { runToolLoop } from './ai-sdk-tool-loop.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const id = 'loom-mini'
const prompt = 'What is inference?'

const packages = [
  [
    '@ai-sdk/openai-compatible',
    () =>
      createOpenAICompatible({
        name: 'inferloom',
        baseURL: `${server.url}/v1`,
        includeUsage: true,
        supportsStructuredOutputs: true,
      }).chatModel(id),
  ],
  ['@ai-sdk/openai', () => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).chat(id)],
] as const

describe.each(packages)('%s', (_name, modelOf) => {
  const ask = () => ({ model: modelOf(), temperature: 0, maxRetries: 0 })

  test('answers whole and streamed alike, with usage and a reason', async () => {
    const whole = await generateText({ ...ask(), prompt })
    expect(whole.text).toMatch(/^Inference is/)
    expect(whole.finishReason).toBe('stop')
    expect(whole.usage).toMatchObject({ inputTokens: 12 })
    const streamed = streamText({ ...ask(), prompt })
    const pieces = await Array.fromAsync(streamed.textStream)
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.join('')).toBe(whole.text)
    expect(await streamed.finishReason).toBe('stop')
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens)
  })

  test('stops where it is told to', async () => {
    const { finishReason, usage } = await generateText({ ...ask(), prompt, maxOutputTokens: 3, seed: 1 })
    expect({ finishReason, outputTokens: usage.outputTokens }).toEqual({ finishReason: 'length', outputTokens: 3 })
    const { text } = await generateText({ ...ask(), prompt, stopSequences: ['model'] })
    expect(text).toMatch(/trained $/)
  })

  test('runs a tool in a loop, whole and streamed', () => runToolLoop(ask()))

  test('calls what must be called', async () => {
    const tools = { ping: tool({ description: 'Ping', inputSchema: z.object({}), execute: () => 'pong' }) }
    const { toolCalls } = await generateText({
      ...ask(),
      prompt,
      tools,
      toolChoice: { type: 'tool', toolName: 'ping' },
    })
    expect(toolCalls).toMatchObject([{ toolName: 'ping', input: {} }])
  })

  test('answers in a form, whole and streamed', async () => {
    const schema = z.object({ city: z.enum(['Rome', 'Oslo']), people: z.number().int().min(1).max(9) })
    const { output } = await generateText({ ...ask(), prompt: 'A city?', output: Output.object({ schema }) })
    expect(schema.parse(output)).toEqual(output)
    const streamed = streamText({ ...ask(), prompt: 'A city?', output: Output.object({ schema }) })
    await streamed.consumeStream()
    expect(await streamed.output).toEqual(output)
  })

  test('an answer that is left in its middle frees what it held', async () => {
    const controller = new AbortController()
    const { textStream } = streamText({ ...ask(), prompt, abortSignal: controller.signal, onError: () => {} })
    for await (const _ of textStream) controller.abort()
    await until('nothing runs', async () => (await engineOf(server)).stats.running === 0)
    expect((await engineOf(server)).restarts).toBe(0)
  })

  test('refusals come as its own errors, with status and reason', async () => {
    const refused = generateText({ ...ask(), prompt: 'Hi', topK: -1, temperature: 9 }).catch((error: unknown) => error)
    const error = await refused
    expect(APICallError.isInstance(error) && error.statusCode).toBe(400)
    expect((error as Error).message).toMatch(/temperature = 9/)
  })
})

test('a model that is not there is a 404', async () => {
  const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' })
  const error = await generateText({ model: openai.chat('gpt-9'), prompt, maxRetries: 0 }).catch(
    (thrown: unknown) => thrown,
  )
  expect(APICallError.isInstance(error) && error.statusCode).toBe(404)
})

test('texts become vectors', async () => {
  const inferloom = createOpenAICompatible({ name: 'inferloom', baseURL: `${server.url}/v1` })
  const model = inferloom.embeddingModel(id)
  const { embedding, usage } = await embed({ model, value: 'inference' })
  expect(Math.hypot(...embedding)).toBeCloseTo(1, 4)
  expect(usage.tokens).toBeGreaterThan(0)
  const { embeddings } = await embedMany({ model, values: ['inference', 'bread'] })
  expect(embeddings).toHaveLength(2)
  expect(embeddings[0]?.[0]).toBeCloseTo(embedding[0] ?? Number.NaN, 4)
})
