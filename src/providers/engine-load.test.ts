import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../test/server-fixture.ts'
import { startUpstream, type UpstreamAnswer } from '../../test/upstream-fixture.ts'
import { loadIn } from './engine-load.ts'
import { openaiCompatible } from './openai-compatible.ts'
import type { Provider } from './provider.ts'
import { serverPresets } from './server-presets.ts'

// Shortened from what the servers answer.
const pages: Readonly<Record<string, string>> = {
  vllm: `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 7.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 7.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.91
`,
  sglang: `sglang:token_usage{model_name="m"} 0.52
sglang:num_running_reqs{model_name="m"} 8.0
sglang:num_queue_reqs{model_name="m"} 4.0`,
  'llama-server': `# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 4
llamacpp:requests_deferred 46`,
  tgi: `tgi_batch_current_size 2
tgi_queue_size 5`,
}

test.each([
  ['vllm', { running: 5, waiting: 7, cacheUse: 0.91 }],
  ['sglang', { running: 8, waiting: 4, cacheUse: 0.52 }],
  ['llama-server', { running: 4, waiting: 46 }],
  ['tgi', { running: 2, waiting: 5 }],
])('the page of %s says how busy it is', (name, expected) => {
  const names = serverPresets.find((each) => each.name === name)?.load
  const page = pages[name] ?? ''
  expect(names && loadIn(page, names)).toEqual(expected)
  expect(names && loadIn(page.replaceAll(':', '_'), names)).toEqual(expected)
  expect(names && loadIn(page.replaceAll(/[\d.]+$/gm, 'NaN'), names)).toBeUndefined()
  expect(names && loadIn('<html>no such page</html>', names)).toBeUndefined()
})

async function started(answer: () => UpstreamAnswer) {
  const upstream = await startUpstream(answer)
  const kind = openaiCompatible.find(({ name }) => name === 'vllm')
  const provider = kind?.make({ name: 'mine', keys: [], baseUrl: `${upstream.url}/v1` }) as Provider
  onTestFinished(() => provider.close())
  return { upstream, provider }
}

test('it is read beside the API, when somebody asks, and once for all who ask at a time', async () => {
  const { upstream, provider } = await started(() => ({ body: pages['vllm'] ?? '' }))
  expect(upstream.asked.length).toBe(0)
  expect(provider.load?.('m')).toBeUndefined()
  await until('it was read', () => provider.load?.('m') !== undefined)
  expect(provider.load?.('m')).toEqual({ running: 5, waiting: 7, cacheUse: 0.91 })
  expect(upstream.asked.map(({ method, path }) => [method, path])).toEqual([['GET', '/metrics']])
})

test.each<[string, UpstreamAnswer]>([
  ['no such page', { status: 404, body: 'Not Found' }],
  ['a page of something else', { body: 'up 1\n' }],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/metrics' } }],
  ['a page without an end', { body: 'x'.repeat(2_000_000), ending: 'stall' }],
])('%s is no load, and is not asked for again at once', async (_, answer) => {
  const { upstream, provider } = await started(() => answer)
  provider.load?.('m')
  await until('it was asked', () => upstream.asked.length > 0)
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    expect(provider.load?.('m')).toBeUndefined()
  }
  expect(upstream.asked.length).toBe(1)
})
