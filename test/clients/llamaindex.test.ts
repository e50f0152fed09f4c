// LlamaIndex against a running server with the built-in model.
import { OpenAI, OpenAIEmbedding } from '@llamaindex/openai'
import { tool, type ChatMessage } from 'llamaindex'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const model = 'loom-mini'
const llm = (change: object = {}) =>
  new OpenAI({ model, temperature: 0, apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0, ...change })

const messages: ChatMessage[] = [{ role: 'user', content: 'What is inference?' }]

describe('a model', () => {
  test('answers whole and streamed alike', async () => {
    const whole = await llm().chat({ messages })
    expect(whole.message.content).toMatch(/^Inference is/)
    const chunks = await Array.fromAsync(await llm().chat({ messages, stream: true }))
    expect(chunks.length).toBeGreaterThan(3)
    expect(chunks.map(({ delta }) => delta).join('')).toBe(whole.message.content)
    expect((await llm().complete({ prompt: 'What is inference?' })).text).toBe(whole.message.content)
  })

  test('calls a tool, and goes on with its result', async () => {
    const weather = tool({
      name: 'get_weather',
      description: 'Get the weather in a city',
      parameters: z.object({ city: z.string() }),
      execute: ({ city }) => `21 degrees and sunny in ${city}`,
    })
    const asked: ChatMessage[] = [{ role: 'user', content: 'What is the weather in Paris?' }]
    const { message } = await llm().chat({ messages: asked, tools: [weather] })
    const [call] = message.options && 'toolCall' in message.options ? message.options.toolCall : []
    expect(call?.name).toBe('get_weather')
    // Its arguments are the model's own text.
    expect(JSON.parse(call?.input as string)).toEqual({ city: expect.any(String) as string })
    const streamed = await Array.fromAsync(await llm().chat({ messages: asked, tools: [weather], stream: true }))
    const calls = streamed.flatMap(({ options }) => (options && 'toolCall' in options ? options.toolCall : []))
    expect(calls.at(-1)).toMatchObject({ name: 'get_weather' })
    const result = { toolResult: { id: call?.id ?? '', result: '21 degrees and sunny', isError: false } }
    const end = await llm().chat({
      messages: [...asked, message, { role: 'user', content: '21 degrees and sunny', options: result }],
      tools: [weather],
    })
    expect(end.message.content).toMatch(/\w/)
  })

  test('answers in a form', async () => {
    const responseFormat = z.object({ city: z.enum(['Rome', 'Oslo']) })
    const { message } = await llm().chat({ messages, responseFormat })
    expect(responseFormat.parse(JSON.parse(message.content as string))).toBeTruthy()
  })

  test('an answer that is left in its middle frees what it held', async () => {
    for await (const _ of await llm().chat({ messages, stream: true })) break
    await until('nothing runs', async () => (await engineOf(server)).stats.running === 0)
  })

  test('refusals come with status and reason', async () => {
    await expect(llm({ model: 'gpt-9' }).chat({ messages })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
    await expect(llm({ temperature: 9 }).chat({ messages })).rejects.toThrow(/temperature = 9/)
  })
})

test('texts become vectors', async () => {
  const embedding = new OpenAIEmbedding({ model, apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 })
  const [first, second] = await embedding.getTextEmbeddings(['inference', 'bread'])
  expect(Math.hypot(...(first ?? []))).toBeCloseTo(1, 4)
  expect(second).toHaveLength(first?.length ?? 0)
})
