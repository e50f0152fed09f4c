// LangChain against a running server with the built-in model.
import { HumanMessage, ToolMessage, type AIMessageChunk } from '@langchain/core/messages'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const model = 'loom-mini'
const question = 'What is inference?'
const configuration = () => ({ baseURL: `${server.url}/v1` })
const chat = (change: object = {}) =>
  new ChatOpenAI({ model, temperature: 0, apiKey: 'none', maxRetries: 0, configuration: configuration(), ...change })

describe('a chat model', () => {
  test('answers whole and streamed alike, with usage', async () => {
    const whole = await chat().invoke(question)
    expect(whole.text).toMatch(/^Inference is/)
    expect(whole.usage_metadata).toMatchObject({ input_tokens: 12 })
    expect(whole.response_metadata).toMatchObject({ finish_reason: 'stop' })
    const chunks = await Array.fromAsync(await chat().stream(question))
    expect(chunks.map(({ text }) => text).join('')).toBe(whole.text)
    const all = chunks.reduce((sum, chunk) => sum.concat(chunk))
    expect(all.usage_metadata).toEqual(whole.usage_metadata)
  })

  test('takes every setting it can be given', async () => {
    const settings = { topP: 0.9, frequencyPenalty: 0.1, presencePenalty: 0.1, n: 2, maxTokens: 8, stop: ['zzz'] }
    const more = { logprobs: true, topLogprobs: 2, user: 'ann', seed: 7, modelKwargs: { top_k: 20 } }
    const answer = await chat({ ...settings, ...more, temperature: 0.7 }).invoke(question)
    expect(answer.text).toMatch(/\w/)
    expect(answer.response_metadata['logprobs']).toMatchObject({ content: expect.arrayContaining([]) as unknown })
  })

  test('answers several at once', async () => {
    const answers = await chat({ maxTokens: 5 }).batch([question, 'What is a model?', question])
    expect(answers).toHaveLength(3)
    expect(answers[0]?.text).toBe(answers[2]?.text)
  })

  test('calls a tool, and goes on with its result', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const description = 'Get the weather in a city'
    const getWeather = { type: 'function' as const, function: { name: 'get_weather', description, parameters } }
    const bound = chat().bindTools([getWeather])
    const messages: (HumanMessage | ToolMessage | AIMessageChunk)[] = [
      new HumanMessage('What is the weather in Paris?'),
    ]
    const turn = await bound.invoke(messages)
    expect(turn.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }])
    const [call] = turn.tool_calls ?? []
    if (!call) throw new Error('no call')
    const result = new ToolMessage({ content: '21 degrees and sunny', tool_call_id: call.id ?? '' })
    const end = await bound.invoke([...messages, turn, result])
    expect(end.text).toMatch(/\w/)
    const pieces = await Array.fromAsync(await bound.stream(messages))
    const streamed = pieces.reduce((sum, chunk) => sum.concat(chunk))
    expect(streamed.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }])
    const must = await chat().bindTools([getWeather], { tool_choice: 'get_weather' }).invoke(question)
    expect(must.tool_calls).toHaveLength(1)
  })

  test.each(['jsonSchema', 'functionCalling'] as const)('answers in a form by %s', async (method) => {
    const schema = {
      title: 'place',
      type: 'object',
      properties: { city: { type: 'string', enum: ['Rome', 'Oslo'] } },
      required: ['city'],
      additionalProperties: false,
    }
    const answer: Record<string, unknown> = await chat()
      .withStructuredOutput(schema, { method, name: 'place' })
      .invoke('A city?')
    expect(['Rome', 'Oslo']).toContain(answer['city'])
  })

  test('an answer that is left in its middle frees what it held', async () => {
    const controller = new AbortController()
    const run = async () => {
      for await (const _ of await chat().stream(question, { signal: controller.signal })) controller.abort()
    }
    await expect(run()).rejects.toThrow(/abort/i)
    await until('nothing runs', async () => (await engineOf(server)).stats.running === 0)
  })

  test('refusals come as its own errors, with status and reason', async () => {
    const error = await chat({ model: 'gpt-9' })
      .invoke(question)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' })
    await expect(chat({ temperature: 9 }).invoke(question)).rejects.toThrow(/temperature = 9/)
  })
})

test('texts become vectors', async () => {
  const embeddings = new OpenAIEmbeddings({ model, apiKey: 'none', maxRetries: 0, configuration: configuration() })
  const [first, second] = await embeddings.embedDocuments(['inference', 'bread'])
  expect(Math.hypot(...(first ?? []))).toBeCloseTo(1, 4)
  expect(second).toHaveLength(first?.length ?? 0)
  const query = await embeddings.embedQuery('inference')
  expect(query[0]).toBeCloseTo(first?.[0] ?? Number.NaN, 4)
})
