import { expect, onTestFinished, test, vi } from 'vitest'
import { json, sse, startUpstream, type UpstreamAnswer } from '../../test/upstream-fixture.ts'
import { until } from '../../test/server-fixture.ts'
import { openaiCompatible } from './openai-compatible.ts'
import { ModelList } from './model-list.ts'
import type { ModelInfo } from './provider.ts'
import type { RemoteProvider } from './remote-provider.ts'

const model = (id: string): ModelInfo => ({ id, ownedBy: 'acme', created: 1 })

function listing(url: string, fixed: readonly ModelInfo[] = []): RemoteProvider {
  const kind = openaiCompatible.find(({ name }) => name === 'openai-compatible')
  const provider = kind?.make({ name: 'acme', keys: [], baseUrl: url, models: fixed }) as RemoteProvider
  onTestFinished(() => provider.close())
  return provider
}

test('models are read in the background, beside those that are configured', async () => {
  const data = [
    { id: 'fixed', owned_by: 'them', created: 5 },
    { id: 'listed', owned_by: 'them', created: 7, max_model_len: 4096 },
    { id: 7 },
    'nothing',
  ]
  const upstream = await startUpstream(
    () => ({}),
    () => json({ data }),
  )
  const provider = listing(upstream.url, [model('fixed')])
  expect(provider.models()).toEqual([model('fixed')])
  await until('the list is read', () => provider.models().length > 1)
  expect(provider.models()).toEqual([
    model('fixed'),
    { id: 'listed', ownedBy: 'them', created: 7, contextTokens: 4096 },
  ])
  expect(provider.listState.readAt).toBeGreaterThan(0)
})

test('a bare list, as Together writes it', async () => {
  const upstream = await startUpstream(
    () => ({}),
    () => json([{ id: 'a', context_length: 10 }]),
  )
  const provider = listing(upstream.url)
  await until('the list is read', () => provider.models().length > 0)
  expect(provider.models()).toEqual([{ id: 'a', ownedBy: 'acme', created: 0, contextTokens: 10 }])
})

test.each<[string, UpstreamAnswer, string]>([
  ['a refusal', json({ error: { message: 'no' } }, 401), 'provider_key_refused'],
  ['a web page', { headers: { 'content-type': 'text/html' }, body: '<html>' }, 'provider_invalid_reply'],
  ['no list', json({ models: [] }), 'provider_invalid_reply'],
])('%s fails no request, and is there to be seen', async (_, given, code) => {
  const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] })
  const upstream = await startUpstream(
    () => sse([chunk]),
    () => given,
  )
  const provider = listing(upstream.url)
  await until('the list has failed', () => provider.listState.failure !== undefined)
  expect(provider.listState.failure?.code).toBe(code)
  const input = { kind: 'chat', messages: [{ role: 'user', content: 'a' }] } as const
  const request = { model: 'unheard-of', input, n: 1, stop: [], sampling: {} }
  const batches = await Array.fromAsync(provider.generate(request, new AbortController().signal))
  expect(batches.flat().at(-1)?.type).toBe('finish')
})

test('a model that is not known has the list read again, once a minute at most; a known one has not', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  let reads = 0
  const read = async () => {
    reads++
    return [model('known')]
  }
  const list = new ModelList({ fixed: [], read })
  onTestFinished(() => list.close())
  await vi.waitFor(() => expect(list.models).toHaveLength(1))
  list.asked('new')
  expect(reads).toBe(1)
  vi.advanceTimersByTime(61_000)
  list.asked('known')
  expect(reads).toBe(1)
  list.asked('new')
  list.asked('newer')
  expect(reads).toBe(2)
  await new Promise((resolve) => setImmediate(resolve))
  vi.advanceTimersByTime(3_600_000)
  await vi.waitFor(() => expect(reads).toBe(3))
})
