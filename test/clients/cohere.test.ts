// Cohere's own client against a running server with the built-in model: it ranks documents.
import { CohereClientV2, CohereError } from 'cohere-ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
let client: CohereClientV2
beforeAll(async () => {
  server = await startTestServer()
  client = new CohereClientV2({ token: 'none', environment: server.url })
})
afterAll(() => server.close())

const once = { maxRetries: 0 }
const documents = ['bread', 'What is inference?', 'rain']
const ask = { model: 'loom-mini', query: 'What is inference?', documents }

test('ranks documents, best first, with how much was read', async () => {
  const { results, id, meta } = await client.rerank(ask, once)
  expect(new Set(results.map(({ index }) => index))).toEqual(new Set([0, 1, 2]))
  expect(results[0]?.index).toBe(1)
  const scores = results.map(({ relevanceScore }) => relevanceScore)
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
  expect(id).toMatch(/^rerank-/)
  expect(meta?.tokens?.inputTokens).toBeGreaterThan(0)
})

test('reports the best alone where a number is given, and reads documents up to a length', async () => {
  const { results, meta } = await client.rerank({ ...ask, topN: 1 }, once)
  expect(results).toHaveLength(1)
  const short = await client.rerank({ ...ask, maxTokensPerDoc: 1 }, once)
  expect(short.meta?.tokens?.inputTokens).toBeLessThan(meta?.tokens?.inputTokens ?? 0)
})

test('refusals come as its own errors, with status and reason', async () => {
  const refused = await client.rerank({ ...ask, model: 'gpt-9' }, once).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(CohereError)
  expect(refused).toMatchObject({ statusCode: 404, body: { error: { code: 'model_not_found' } } })
  const empty = await client.rerank({ ...ask, documents: [] }, once).catch((error: unknown) => error)
  expect(empty).toMatchObject({ statusCode: 400, body: { error: { param: 'documents' } } })
})

test('a request that is left ends with it', async () => {
  const controller = new AbortController()
  const left = client.rerank(
    { ...ask, documents: Array.from({ length: 500 }, () => 'bread '.repeat(50)) },
    { ...once, abortSignal: controller.signal },
  )
  controller.abort()
  await expect(left).rejects.toThrow()
  expect((await client.rerank(ask, once)).results).toHaveLength(3)
})
