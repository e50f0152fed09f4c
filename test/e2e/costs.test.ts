// What an answer says it cost, on every wire, whole and streamed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { question, startTestServer, temporaryFolder, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 }
const whole = {
  id: '1',
  model: 'gpt-4.1-2025-04-14',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage,
}
const events = [
  { id: '1', model: 'gpt-4.1-2025-04-14', choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello.' } }] },
  { id: '1', model: 'gpt-4.1-2025-04-14', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { id: '1', model: 'gpt-4.1-2025-04-14', choices: [], usage },
]
/** 1,000 tokens at 2 dollars a million, and 100 at 8. */
const cost = 0.0028

async function withUpstream(cut: UpstreamAnswer['cut'] = 'whole'): Promise<TestServer> {
  const upstream = await startUpstream(({ body }) =>
    (JSON.parse(body) as { stream?: boolean }).stream
      ? { ...sse([...events.map((event) => JSON.stringify(event)), '[DONE]']), cut }
      : json(whole),
  )
  return await startWithProviders({ up: { kind: 'openai', key: 'k', baseUrl: upstream.url } })
}

test('passed on or translated, a whole answer has its cost in a header and in its usage', async () => {
  const server = await withUpstream()
  for (const [path, body] of [
    ['/v1/chat/completions', { model: 'up/gpt-4.1', messages: question }],
    ['/v1/messages', { model: 'up/gpt-4.1', max_tokens: 10, messages: question }],
    ['/v1beta/models/up/gpt-4.1:generateContent', { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }],
  ] as const) {
    const answer = await server.post(path, body)
    expect([path, answer.headers.get('x-inferloom-cost')]).toEqual([path, String(cost)])
    const { usage, usageMetadata } = (await answer.json()) as Record<string, { cost?: number } | undefined>
    expect([path, (usage ?? usageMetadata)?.cost]).toEqual([path, cost])
  }
  const rows = await ledgerOf(server)
  expect(rows).toHaveLength(3)
  for (const row of rows) {
    expect(row).toMatchObject({ cost_usd: cost, price: 'openai gpt-4.1: input 2, cache_read 0.5, output 8 $/M' })
  }
})

test.each([['whole' as const], [[1]], [[7, 90]]])('a stream has it in its last usage, cut into %j', async (cut) => {
  const server = await withUpstream(cut)
  const options = { stream: true, stream_options: { include_usage: true } } as const
  const stream = await server.client.chat.completions.create({ model: 'up/gpt-4.1', messages: question, ...options })
  const chunks = await Array.fromAsync(stream)
  expect(chunks.at(-1)?.usage).toMatchObject({ ...usage, cost })
  const body = { model: 'up/gpt-4.1', max_tokens: 10, messages: question, stream: true }
  const text = await (await server.post('/v1/messages', body)).text()
  expect(text.match(/"cost":[^,}]+/g)).toEqual([`"cost":${cost}`])
})

test('a local model costs nothing as long as nobody says what its machine costs', async () => {
  const server = await startTestServer()
  try {
    const answer = await server.post('/v1/chat/completions', { model: 'loom-mini', messages: question, max_tokens: 5 })
    expect(answer.headers.get('x-inferloom-cost')).toBe('0')
    expect((await ledgerOf(server))[0]).toMatchObject({ cost_usd: 0, price: 'own hardware' })
  } finally {
    await server.close()
  }
})

test('answers of a local model together cost no more than the time in which the machine ran', async () => {
  const file = join(temporaryFolder(), 'inferloom.yaml')
  writeFileSync(file, 'hardware: { perHour: 360000 }') // a dollar for ten milliseconds
  const server = await startTestServer({}, file)
  try {
    const from = performance.now()
    const ask = () => server.post('/v1/chat/completions', { model: 'loom-mini', messages: question, max_tokens: 20 })
    const answers = await Promise.all([ask(), ask(), ask(), ask()])
    const took = performance.now() - from
    const costs = answers.map(({ headers }) => Number(headers.get('x-inferloom-cost')))
    const total = costs.reduce((sum, each) => sum + each, 0)
    expect(Math.min(...costs)).toBeGreaterThan(0)
    expect(total).toBeLessThanOrEqual(took / 10)
    const rows = await ledgerOf(server)
    expect(rows.reduce((sum, row) => sum + Number(row['cost_usd']), 0)).toBeCloseTo(total, 6)
  } finally {
    await server.close()
  }
})
