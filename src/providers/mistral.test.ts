import { describe, expect, onTestFinished, test } from 'vitest'
import { recordedReplies, recordedStreams } from '../../test/recordings.ts'
import { json, sse, startUpstream } from '../../test/upstream-fixture.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import { mistral } from './mistral.ts'
import { mistralChatWire } from './wire/mistral-chat.ts'

const input: GenerateRequest['input'] = { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] }
const request = { model: 'mistral-small-latest', input, n: 1, stop: [], sampling: {} }
const patient = () => new AbortController().signal

test('asks with the key, adds what its settings say, and embeds', async () => {
  const upstream = await startUpstream(({ path }) =>
    path === '/embeddings'
      ? json({ data: [{ index: 0, embedding: [0, 2] }], usage: { prompt_tokens: 2 } })
      : sse(['{"id":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}', '[DONE]']),
  )
  const provider = mistral.make({ name: 'mistral', keys: ['k'], baseUrl: upstream.url, extra: { safePrompt: true } })
  onTestFinished(() => provider.close())
  const events = (await Array.fromAsync(provider.generate(request, patient()))).flat()
  expect(events).toMatchObject([{ id: 'm' }, { text: 'Hello' }, { finishReason: 'stop' }, { type: 'finish' }])
  expect(upstream.asked[0]).toMatchObject({ path: '/chat/completions', headers: { authorization: 'Bearer k' } })
  expect(upstream.body()).toMatchObject({ safe_prompt: true, stream: true })
  const embedded = await provider.embed?.({ model: 'mistral-embed', inputs: ['a'] }, patient())
  expect(embedded).toEqual({ embeddings: [Float32Array.of(0, 1)], inputTokens: 2 })
})

test('a client’s own bytes are never passed on: Mistral would refuse names that mean the same', () => {
  const provider = mistral.make({ name: 'mistral', keys: ['k'], baseUrl: 'http://127.0.0.1:9' })
  onTestFinished(() => provider.close())
  expect(provider.relays?.(request.model)).toEqual([])
})

test('others that speak its API are sent no field that they may refuse', () => {
  const provider = mistral.make({ name: 'mistral', keys: ['k'], baseUrl: 'http://127.0.0.1:9' })
  onTestFinished(() => provider.close())
  expect(provider.cacheMarks?.('m')).toBeUndefined()
})

const streams = recordedStreams('mistral')
describe.skipIf(streams.length === 0)('recorded replies', () => {
  test.each(streams.map(({ name, chunks }) => [name, chunks] as const))('%s', (name, chunks) => {
    const reader = mistralChatWire().reader()
    const events = [...chunks.flatMap((data) => reader.read({ data })), ...reader.end()]
    const called = name.includes('tool')
    expect(events.at(-2)).toMatchObject({ type: 'text-end', finishReason: called ? 'tool-calls' : 'stop' })
    expect(events.filter(({ type }) => type === 'tool-input-end')).toHaveLength(called ? 1 : 0)
    const finish = events.at(-1)
    expect(finish?.type === 'finish' && finish.usage.outputTokens.total).toBeGreaterThan(0)
  })

  test.each(recordedReplies('mistral').map(({ name, body }) => [name, body] as const))('%s', (name, body) => {
    const events = mistralChatWire().whole(body)
    expect(events.at(-2)).toMatchObject({ finishReason: name.includes('tool') ? 'tool-calls' : 'stop' })
  })
})
