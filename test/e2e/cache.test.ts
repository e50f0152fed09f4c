import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { ledgerOf, openWithProviders, startWithProviders } from '../provider-fixture.ts'
import { question, startTestServer, temporaryFolder, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
const whole = (text: string) =>
  json({
    id: 'c',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage,
  })
const streamed = (text: string): UpstreamAnswer =>
  sse([
    ...text
      .split('')
      .map((each) =>
        JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: each }, finish_reason: null }] }),
      ),
    JSON.stringify({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }),
    '[DONE]',
  ])

const asked = { model: 'up/m', messages: question, temperature: 0 }

async function started(answer: () => UpstreamAnswer | Promise<UpstreamAnswer>, settings: object = {}) {
  const upstream = await startUpstream(answer)
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const server = await startWithProviders({ up }, {}, settings)
  return { upstream, server }
}

const cacheOf = (answer: Response) => answer.headers.get('x-inferloom-cache')
const ask = (server: TestServer, more: object = {}, headers: Record<string, string> = {}) =>
  server.post(chat, { ...asked, ...more }, headers)

test('the same question is answered once, and given again for nothing, also in other words of the same JSON', async () => {
  const { upstream, server } = await started(() => whole('Hi'))
  const first = await ask(server)
  expect(cacheOf(first)).toBe('miss')
  const second = await server.post(
    chat,
    ` { "temperature":0.0, "messages" : ${JSON.stringify(question)}, "user":"other","model":"up/m"}`,
  )
  expect(cacheOf(second)).toBe('hit')
  expect(second.headers.get('x-inferloom-cost')).toBe('0')
  expect(await second.json()).toMatchObject({
    choices: [{ message: { content: 'Hi' } }],
    usage: { ...usage, cost: 0, cached: true },
  })
  expect(upstream.asked).toHaveLength(1)
  expect((await ledgerOf(server))[0]).toMatchObject({
    cache: 'hit',
    provider: 'up',
    status: 200,
    prompt_tokens: 5,
    output_tokens: 2,
    cost_usd: 0,
    attempts: 0,
  })
})

test('streams are given again as streams, in every dialect, by whichever lane they came', async () => {
  const { upstream, server } = await started(() => streamed('Hello'))
  for (const [path, body] of [
    [chat, { ...asked, stream: true, stream_options: { include_usage: true } }],
    ['/v1/messages', { ...asked, stream: true, max_tokens: 9 }],
    ['/v1/responses', { model: 'up/m', input: 'What?', temperature: 0, stream: true }],
  ] as const) {
    const texts: string[] = []
    for (const outcome of ['miss', 'hit']) {
      const answer = await server.post(path, body)
      expect(cacheOf(answer), path).toBe(outcome)
      texts.push((await answer.text()).replaceAll(/"(id|created|created_at|item_id|completed_at)":("[^"]*"|\d+)/g, ''))
    }
    const told = (text = '') => text.replaceAll(/"cost":("unknown"|0,"cached":true),?/g, '')
    expect(told(texts[1])).toBe(told(texts[0]))
    expect(texts[1]).toContain('"cached":true')
  }
  expect(upstream.asked).toHaveLength(3)
})

test('what leaves the answer to chance is not kept, unless it is asked for; and a request may want none, or only that', async () => {
  const { upstream, server } = await started(() => whole('Hi'))
  for (let round = 0; round < 2; round++) expect(cacheOf(await ask(server, { temperature: 1 }))).toBe('off')
  const on = { 'x-inferloom-cache': 'on' }
  expect(cacheOf(await ask(server, { temperature: 1 }, on))).toBe('miss')
  expect(cacheOf(await ask(server, { temperature: 1 }, on))).toBe('hit')
  const only = await ask(server, {}, { 'cache-control': 'only-if-cached' })
  expect(only.status).toBe(504)
  expect(await only.json()).toMatchObject({ error: { code: 'cache_miss' } })
  expect(cacheOf(await ask(server))).toBe('miss')
  expect(cacheOf(await ask(server, {}, { 'cache-control': 'only-if-cached' }))).toBe('hit')
  expect(cacheOf(await ask(server, {}, { 'cache-control': 'no-store' }))).toBe('off')
  expect(cacheOf(await ask(server, {}, { 'x-inferloom-cache': 'refresh' }))).toBe('miss')
  expect(upstream.asked).toHaveLength(6)
  const wrong = await ask(server, {}, { 'x-inferloom-cache': 'maybe' })
  expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_value', param: 'x-inferloom-cache' } })
})

test('another question, another model, another key: another answer', async () => {
  const keys = ['a'.repeat(20), 'b'.repeat(20)]
  const { upstream, server } = await started(() => whole('Hi'), { server: { keys } })
  const by = (key: string | undefined) => ({ authorization: `Bearer ${key}` })
  const variants = [
    {},
    { seed: 1 },
    { seed: 2 },
    { top_p: 0.5 },
    { model: 'up/n' },
    { messages: [{ role: 'user', content: 'What is inference ?' }] },
    { tools: [{ type: 'function', function: { name: 'f', parameters: { default: null } } }] },
    { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] },
  ]
  for (const more of variants) expect(cacheOf(await ask(server, more, by(keys[0])))).toBe('miss')
  expect(upstream.asked).toHaveLength(variants.length)
  expect(cacheOf(await ask(server, {}, by(keys[0])))).toBe('hit')
})

test('what can be read in two ways is not kept', async () => {
  const { server } = await started(() => whole('Hi'))
  const text = (body: string) =>
    server.post(chat, `{"model":"up/m","temperature":0,"messages":${JSON.stringify(question)},${body}}`)
  for (const body of ['"top_p":1,"top_p":0.5', '"seed":9007199254740993']) {
    expect(cacheOf(await text(body))).toBe('off')
  }
})

test('errors, and answers that break off, are not kept', async () => {
  let answer: UpstreamAnswer = json({ error: { message: 'No' } }, 400)
  const { upstream, server } = await started(() => answer)
  expect((await ask(server)).status).toBe(400)
  answer = { ...streamed('Hello'), ending: 'reset', cut: [200] }
  await (await ask(server, { stream: true })).text().catch(() => {})
  answer = whole('Hi')
  expect(cacheOf(await ask(server))).toBe('miss')
  answer = streamed('Hello')
  const after = await ask(server, { stream: true })
  expect(await after.text()).toContain('[DONE]')
  expect(upstream.asked.length).toBeGreaterThanOrEqual(4)
})

test('a thousand identical requests at once are one request upstream', async () => {
  const { upstream, server } = await started(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return whole('Hi')
  })
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const answer = await ask(server)
      return { outcome: cacheOf(answer), status: answer.status, text: await answer.text() }
    }),
  )
  expect(upstream.asked).toHaveLength(1)
  expect(answers.every(({ status, text }) => status === 200 && text.includes('Hi'))).toBe(true)
  expect(answers.filter(({ outcome }) => outcome === 'miss')).toHaveLength(1)
})

test('who comes late to a stream is given its beginning; who leaves takes nothing from the others', async () => {
  let go = () => {}
  const waiting = new Promise<void>((resolve) => (go = resolve))
  const { upstream, server } = await started(async () => {
    await waiting
    return { ...streamed('Hello'), cut: [120] }
  })
  const leaving = new AbortController()
  const body = JSON.stringify({ ...asked, stream: true })
  const headers = { 'content-type': 'application/json' }
  const first = fetch(server.url + chat, { method: 'POST', headers, body, signal: leaving.signal })
  await expect.poll(() => upstream.asked.length).toBe(1)
  const second = ask(server, { stream: true })
  await expect.poll(async () => (await server.get('/metrics')).status).toBe(200)
  leaving.abort()
  await expect(first).rejects.toThrow()
  go()
  const answer = await second
  expect(cacheOf(answer)).toBe('shared')
  expect(await answer.text()).toContain('[DONE]')
  expect(upstream.asked).toHaveLength(1)
  expect((await ledgerOf(server)).map(({ cache, status }) => `${String(cache)} ${String(status)}`).toSorted()).toEqual([
    'miss 200',
    'shared 200',
  ])
})

test('answers on the disk outlive the process, and a store that breaks is done without', async () => {
  const upstream = await startUpstream(() => whole('Hi'))
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const home = temporaryFolder()
  const env = { INFERLOOM_HOME: home, INFERLOOM_CACHE_DISK_MB: '5' }
  const first = await openWithProviders({ up }, env, { cache: { memoryMB: 0 } })
  expect(cacheOf(await ask(first))).toBe('miss')
  expect(cacheOf(await ask(first))).toBe('hit')
  await ask(first, { stream: true, seed: 1 })
  await first.close()
  const second = await startWithProviders({ up }, env, { cache: { memoryMB: 0 } })
  const again = await ask(second)
  expect(cacheOf(again)).toBe('hit')
  expect(await again.json()).toMatchObject({ choices: [{ message: { content: 'Hi' } }], usage: { cached: true } })
  const database = new DatabaseSync(join(home, 'inferloom.db'))
  database.exec('drop table answers')
  database.close()
  expect(cacheOf(await ask(second, { seed: 2 }))).toBe('miss')
  expect((await ask(second)).status).toBe(200)
})

test('local models too answer the same question once', async () => {
  const server = await startTestServer()
  const ask = async () => {
    const answer = await server.post(chat, { model: 'loom-mini', messages: question, temperature: 0, max_tokens: 20 })
    return { outcome: cacheOf(answer), body: (await answer.json()) as { choices: unknown; usage: object } }
  }
  const [first, second] = [await ask(), await ask()]
  expect([first.outcome, second.outcome]).toEqual(['miss', 'hit'])
  expect(second.body.choices).toEqual(first.body.choices)
  await server.close()
})
