import { describe, expect, onTestFinished, test } from 'vitest'
import { sse, startUpstream } from '../../test/upstream-fixture.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { azureOpenai } from './azure-openai.ts'
import { openaiCompatible } from './openai-compatible.ts'
import { servicePresets } from './service-presets.ts'
import type { ProviderKind, ProviderSettings } from './provider-kind.ts'
import { providerKinds } from './registry.ts'
import { serverPresets } from './server-presets.ts'

const input = { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] } as const
const hello = { model: 'vendor/m', input, n: 1, stop: [], sampling: {}, maxOutputTokens: 5 }
const done = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] })

async function ask(
  kind: ProviderKind,
  settings: Partial<ProviderSettings>,
  request: GenerateRequest = hello,
): Promise<unknown[]> {
  const provider = kind.make({ name: kind.name, keys: ['key-0123456789'], ...settings })
  onTestFinished(() => provider.close())
  return Array.fromAsync(provider.generate(request, new AbortController().signal))
}

test('names tell kinds apart, and keys travel encrypted or not at all', () => {
  const names = providerKinds.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, baseUrl, env } of [...servicePresets, ...serverPresets]) {
    const url = new URL(baseUrl ?? '')
    expect([name, url.protocol === 'https:' || (url.hostname === '127.0.0.1' && env.length === 0)]).toEqual([
      name,
      true,
    ])
    expect(baseUrl).not.toMatch(/\/$/)
  }
})

test.each(openaiCompatible.map((kind) => [kind.name, kind] as const))('%s answers a conversation', async (_, kind) => {
  const upstream = await startUpstream(() => sse([done, '[DONE]']))
  await ask(kind, { baseUrl: `${upstream.url}/api/` })
  expect(upstream.asked[0]?.path).toBe('/api/chat/completions')
  expect(upstream.asked[0]?.headers.authorization).toBe('Bearer key-0123456789')
  const { max_tokens: older, max_completion_tokens: newer } = upstream.body()
  expect(older ?? newer).toBe(5)
})

test('a server at home needs no key, and is sent none', async () => {
  const vllm = openaiCompatible.find(({ name }) => name === 'vllm')
  const upstream = await startUpstream(() => sse([done]))
  if (vllm) await ask(vllm, { baseUrl: upstream.url, keys: [] })
  expect(upstream.asked[0]?.headers.authorization).toBeUndefined()
})

test('a choice of tools that a server does not know is refused, and what it does anyway is not said', async () => {
  const ollama = openaiCompatible.find(({ name }) => name === 'ollama')
  const upstream = await startUpstream(() => sse([done]))
  const asked = { ...hello, tools: [{ name: 'f' }], parallelToolCalls: true, verbosity: 'medium' } as const
  for (const toolChoice of ['required', 'none', { name: 'f' }] as const) {
    const refused = ollama && ask(ollama, { baseUrl: upstream.url }, { ...asked, toolChoice })
    await expect(refused).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'tool_choice' })
  }
  if (ollama) await ask(ollama, { baseUrl: upstream.url }, { ...asked, toolChoice: 'auto' })
  expect(upstream.asked).toHaveLength(1)
  expect(Object.keys(upstream.body()).sort()).toEqual([
    'max_tokens',
    'messages',
    'model',
    'stream',
    'stream_options',
    'tools',
  ])
})

test('another server needs an address', () => {
  const other = openaiCompatible.find(({ name }) => name === 'openai-compatible')
  expect(() => other?.make({ name: 'mine', keys: [] })).toThrow(/providers\.mine\.baseUrl/)
})

describe('Azure', () => {
  test('the current API has the deployment as its model', async () => {
    const upstream = await startUpstream(() => sse([done]))
    await ask(azureOpenai, { baseUrl: `${upstream.url}/` })
    expect(upstream.asked[0]).toMatchObject({ path: '/openai/v1/chat/completions' })
    expect(upstream.asked[0]?.headers['api-key']).toBe('key-0123456789')
    expect(upstream.body()['model']).toBe('vendor/m')
  })

  test('the older one has it in the path, with a version', async () => {
    const upstream = await startUpstream(() => sse([done]))
    await ask(azureOpenai, { baseUrl: `${upstream.url}/openai/v1`, extra: { apiVersion: '2024-10-21' } })
    expect(upstream.asked[0]?.path).toBe('/openai/deployments/vendor%2Fm/chat/completions?api-version=2024-10-21')
  })

  test('an address and a version are asked for by name', () => {
    expect(() => azureOpenai.make({ name: 'az', keys: [] })).toThrow(/AZURE_OPENAI_ENDPOINT/)
    const settings = { name: 'az', keys: [], baseUrl: 'https://az.example', extra: { apiVersion: 7 } }
    expect(() => azureOpenai.make(settings)).toThrow(/providers\.az\.extra\.apiVersion/)
  })

  test("a first chunk that tells of the filter alone, as Azure's does", async () => {
    const first = JSON.stringify({ id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] })
    const upstream = await startUpstream(() => sse([first, done, '[DONE]']))
    const events = (await ask(azureOpenai, { baseUrl: upstream.url })).flat() as { type: string }[]
    expect(events.map(({ type }) => type)).toEqual(['text-delta', 'text-end', 'finish'])
  })
})
