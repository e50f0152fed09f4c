// Vercel's AI SDK: its OpenAI models speak the Responses API unless told otherwise, and refer to items that are kept.
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** What was sent, last one last. */
const sent: string[] = []
const recording: typeof fetch = (url, init) => {
  if (typeof init?.body === 'string') sent.push(init.body)
  return fetch(url, init)
}
const model = () => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', fetch: recording })('loom-mini')
const prompt = 'What is inference?'

const weather = tool({
  description: 'Get the weather in a city',
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, temperature: 20, sky: 'sunny' }),
})

test('answers whole, with usage', async () => {
  const { text, usage, finishReason } = await generateText({ model: model(), prompt, temperature: 0 })
  expect(text).toMatch(/^Inference is/)
  expect(finishReason).toBe('stop')
  expect(usage.totalTokens).toBe((usage.inputTokens ?? 0) + (usage.outputTokens ?? 0))
})

test('streams what it answers whole', async () => {
  const { text } = await generateText({ model: model(), prompt, temperature: 0 })
  const stream = streamText({ model: model(), prompt, temperature: 0 })
  const pieces = await Array.fromAsync(stream.textStream)
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.join('')).toBe(text)
  expect(await stream.finishReason).toBe('stop')
})

test.each([true, false])('runs a tool and answers with its result (store %j)', async (store) => {
  const { steps, text } = await generateText({
    model: model(),
    prompt: 'What is the weather in Paris?',
    tools: { get_weather: weather },
    stopWhen: stepCountIs(2),
    temperature: 0,
    providerOptions: { openai: { store } },
  })
  expect(steps).toHaveLength(2)
  const call = steps[0]?.toolCalls[0]
  expect(call?.toolName).toBe('get_weather')
  expect(steps[0]?.toolResults).toMatchObject([{ toolCallId: call?.toolCallId, output: call?.input }])
  expect(text).toMatch(/\w/)
})

test('continues a conversation whose turns it refers to by their ids', async () => {
  const first = await generateText({ model: model(), prompt, temperature: 0 })
  const asked = 'And why?'
  const messages = [{ role: 'user' as const, content: prompt }, ...first.response.messages]
  const second = await generateText({
    model: model(),
    messages: [...messages, { role: 'user', content: asked }],
    temperature: 0,
  })
  expect(sent.at(-1)).toContain('item_reference')
  const plain = await generateText({
    model: model(),
    messages: [
      { role: 'user', content: prompt },
      { role: 'assistant', content: first.text },
      { role: 'user', content: asked },
    ],
    temperature: 0,
  })
  expect(second.text).toBe(plain.text)
})

test('gets an object of the form it asked for', async () => {
  const schema = z.object({ topic: z.string().max(30), level: z.enum(['easy', 'hard']) })
  const { output } = await generateText({ model: model(), prompt, temperature: 0, output: Output.object({ schema }) })
  expect(['easy', 'hard']).toContain(output.level)
})
