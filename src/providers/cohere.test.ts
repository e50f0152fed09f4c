import { describe, expect, onTestFinished, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../test/recordings.ts'
import { json, sse, startUpstream, type Upstream } from '../../test/upstream-fixture.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { cohere } from './cohere.ts'
import type { Provider } from './provider.ts'
import { cohereChat } from './wire/cohere-chat.ts'
import { cohereEmbed } from './wire/cohere-embed.ts'
import { cohereRerank } from './wire/cohere-rerank.ts'

const models = { models: [{ name: 'command-a-03-2025', context_length: 288_000 }, { name: 'embed-v4.0' }] }
const patient = () => new AbortController().signal

function asCohere({ url }: Upstream): Provider {
  const provider = cohere.make({ name: 'cohere', keys: ['cohere-key'], baseUrl: url })
  onTestFinished(() => provider.close())
  return provider
}

test('each kind of request goes to its path with the key, and models come with their context', async () => {
  const upstream = await startUpstream(({ path }) => {
    if (path.startsWith('/v1/models')) return json(models)
    if (path === '/v2/embed') return json({ embeddings: { float: [[0, 2]] }, meta: {} })
    if (path === '/v2/rerank') return json({ results: [{ index: 0, relevance_score: 0.5 }] })
    const end = { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: {} } }
    const text = { type: 'content-delta', index: 0, delta: { message: { content: { text: 'Hello' } } } }
    return sse([JSON.stringify(text), JSON.stringify(end)])
  })
  const provider = asCohere(upstream)
  const model = 'command-a-03-2025'
  const input: GenerateRequest['input'] = { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] }
  const request = { model, input, n: 1, stop: [], sampling: {} }
  const events = (await Array.fromAsync(provider.generate(request, patient()))).flat()
  expect(events).toMatchObject([{ text: 'Hello' }, { type: 'text-end', finishReason: 'stop' }, { type: 'finish' }])
  const embedded = await provider.embed?.({ model: 'embed-v4.0', inputs: ['a'] }, patient())
  expect(embedded?.embeddings).toEqual([Float32Array.of(0, 1)])
  const ranked = await provider.rerank?.({ model: 'rerank-v3.5', query: 'q', documents: ['a'] }, patient())
  expect(ranked?.ranking).toEqual([{ index: 0, score: 0.5 }])
  expect(provider.models()).toEqual([
    { id: model, ownedBy: 'cohere', created: 0, contextTokens: 288_000 },
    { id: 'embed-v4.0', ownedBy: 'cohere', created: 0 },
  ])
  expect(new Set(upstream.asked.map(({ path }) => path))).toEqual(
    new Set(['/v1/models?page_size=1000', '/v2/chat', '/v2/embed', '/v2/rerank']),
  )
  for (const { headers } of upstream.asked) expect(headers['authorization']).toBe('Bearer cohere-key')
})

const streams = recordedStreams('cohere')
describe.skipIf(streams.length === 0)('recorded replies', () => {
  test.each(streams.map(({ name, chunks }) => [name, chunks] as const))('%s', (name, chunks) => {
    const reader = cohereChat.reader()
    const events = [...chunks.flatMap((data) => reader.read({ data })), ...reader.end()]
    const called = name.includes('tool')
    expect(events.at(-2)).toMatchObject({ type: 'text-end', finishReason: called ? 'tool-calls' : 'stop' })
    expect(events.filter(({ type }) => type === 'tool-input-end')).toHaveLength(called ? 2 : 0)
    expect(events.some(({ type }) => type === (called ? 'reasoning-delta' : 'text-delta'))).toBe(true)
    const finish = events.at(-1)
    const usage = finish?.type === 'finish' ? finish.usage : undefined
    expect(usage?.inputTokens.cacheRead).toBeGreaterThan(0)
    expect(usage?.inputTokens.total).toBeGreaterThan(usage?.inputTokens.cacheRead ?? Infinity)
  })

  test.each(recordedReplies('cohere').map(({ name, body }) => [name, body] as const))('%s', (name, body) => {
    if (name.includes('embedding')) {
      const { embeddings, inputTokens } = cohereEmbed.result(body, { model: 'm', inputs: ['a', 'b'] })
      expect(embeddings.map((vector) => Math.hypot(...vector).toFixed(4))).toEqual(['1.0000', '1.0000'])
      expect(inputTokens).toBe(10)
    } else if (name.includes('reranking')) {
      const { ranking } = cohereRerank.result(body, { model: 'm', query: 'q', documents: ['a', 'b'] })
      expect(ranking.map(({ index }) => index)).toEqual([1, 0])
    } else {
      const calls = cohereChat.whole(body).filter(({ type }) => type === 'tool-input-start')
      expect(calls).toHaveLength(name.includes('tool') ? 2 : 0)
    }
  })
})
