// Vercel's AI SDK over its Anthropic package, against a running server with the built-in model.
import { createAnthropic } from '@ai-sdk/anthropic'
import { APICallError, generateText, streamText } from 'ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'
import { runToolLoop } from './ai-sdk-tool-loop.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const prompt = 'What is inference?'
const ask = (id = 'loom-mini') => ({
  model: createAnthropic({ baseURL: `${server.url}/v1`, apiKey: 'none' })(id),
  temperature: 0,
  maxRetries: 0,
  maxOutputTokens: 200,
})

test('answers whole and streamed alike, with usage and a reason', async () => {
  const whole = await generateText({ ...ask(), prompt })
  expect(whole.text).toMatch(/^Inference is/)
  expect(whole.usage).toMatchObject({ inputTokens: 12 })
  expect(whole.finishReason).toBe('stop')
  const streamed = streamText({ ...ask(), prompt })
  const pieces = await Array.fromAsync(streamed.textStream)
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.join('')).toBe(whole.text)
  expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens)
})

test('runs a tool in a loop, whole and streamed', () => runToolLoop(ask()))

test('an answer that is left in its middle frees what it held', async () => {
  const controller = new AbortController()
  const { textStream } = streamText({ ...ask(), prompt, abortSignal: controller.signal, onError: () => {} })
  for await (const _ of textStream) controller.abort()
  await until('nothing runs', async () => (await engineOf(server)).stats.running === 0)
})

test('refusals come as its own errors, with status and reason', async () => {
  const error = await generateText({ ...ask('gpt-9'), prompt }).catch((thrown: unknown) => thrown)
  expect(APICallError.isInstance(error) && error.statusCode).toBe(404)
  expect((error as Error).message).toMatch(/gpt-9/)
})
