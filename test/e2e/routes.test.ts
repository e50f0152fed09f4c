import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { question, temporaryFolder, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { run } from './command-fixture.ts'

const chat = '/v1/chat/completions'
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
const good = (text: string) =>
  json({
    id: 'c',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    usage,
  })
const streamed = (text: string) =>
  sse([
    JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }),
    JSON.stringify({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }),
    '[DONE]',
  ])
const broken = () => json({ error: { message: 'Broken', type: 'server_error' } }, 500)

interface Parts {
  readonly a: () => UpstreamAnswer
  readonly b: () => UpstreamAnswer
}

async function started({ a, b }: Parts, route: object, settings: object = {}) {
  const first = await startUpstream(a)
  const second = await startUpstream(b)
  const provider = (url: string) => ({ kind: 'openai-compatible', baseUrl: `${url}/v1`, key: 'k'.repeat(20) })
  const server = await startWithProviders(
    { a: provider(first.url), b: provider(second.url) },
    {},
    { routes: { both: { candidates: ['a/m', 'b/m'], ...route } }, ...settings },
  )
  return { first, second, server }
}

const ask = (server: TestServer, more: object = {}, headers: Record<string, string> = {}) =>
  server.post(chat, { model: 'both', messages: question, ...more }, headers)

test('a route asks its candidates in order, and says whom it asked, on which try, and why', async () => {
  const { first, second, server } = await started({ a: broken, b: () => good('from b') }, {})
  const answer = await ask(server)
  expect(answer.status).toBe(200)
  expect(await answer.text()).toContain('from b')
  expect(answer.headers.get('x-inferloom-route')).toBe('b/m; route=both; objective=ordered; attempts=2')
  expect([first.asked.length, second.asked.length]).toEqual([1, 1])
  const id = answer.headers.get('x-request-id') ?? ''
  const [row] = await ledgerOf(server)
  expect(row).toMatchObject({ model: 'both', provider: 'b', status: 200, attempts: 2 })
  expect(await (await server.get(`/admin/requests/${id}`)).json()).toMatchObject({
    plan: { route: 'both', objective: 'ordered', candidates: [{ id: 'a/m' }, { id: 'b/m' }], excluded: [] },
    attempts_made: [
      { number: 1, provider: 'a', status: 502, error: 'provider_failed' },
      { number: 2, provider: 'b', status: 200, error: null, prompt_tokens: 5 },
    ],
  })
})

test('a stream that fails before any content moves on unseen, in either lane', async () => {
  const cut = () => ({
    ...sse(['{"id":"c","choices":[{"index":0,"delta":{"role":"assistant"}}]}']),
    ending: 'reset' as const,
  })
  const { server } = await started({ a: cut, b: () => streamed('from b') }, {})
  for (const [path, body] of [
    [chat, { model: 'both', messages: question, stream: true }],
    ['/v1/messages', { model: 'both', messages: question, stream: true, max_tokens: 9 }],
  ] as const) {
    const text = await (await server.post(path, body)).text()
    expect(text).toContain('from b')
    expect(text).not.toContain('error')
  }
  expect((await ledgerOf(server)).map(({ attempts, status }) => [attempts, status])).toEqual([
    [2, 200],
    [2, 200],
  ])
})

test('one that fails again and again is left alone, until it was left alone long enough', async () => {
  const { first, second, server } = await started({ a: broken, b: () => good('b') }, {})
  for (let request = 0; request < 20; request++) expect((await ask(server)).status).toBe(200)
  expect(first.asked.length).toBe(5)
  expect(second.asked.length).toBe(20)
})

test('what is wrong with the request is told at once, and nobody else is asked', async () => {
  const refusing = () => json({ error: { message: 'No such tool', type: 'invalid_request_error' } }, 400)
  const { second, server } = await started({ a: refusing, b: () => good('b') }, {})
  expect((await ask(server)).status).toBe(400)
  expect(second.asked.length).toBe(0)
})

test('a request brings its own wishes, and where nobody can meet them is told of each why not', async () => {
  const parts = { a: () => good('a'), b: () => good('b') }
  const candidates = [
    { model: 'a/m', quality: 0.4 },
    { model: 'b/m', quality: 0.9, region: 'eu' },
  ]
  const { server } = await started(parts, { candidates })
  const best = await ask(server, {}, { 'x-inferloom-objective': 'best' })
  expect(best.headers.get('x-inferloom-route')).toBe('b/m; route=both; objective=best; attempts=1')
  const eu = await ask(server, { metadata: { inferloom_region: 'eu' } })
  expect(eu.headers.get('x-inferloom-route')).toContain('b/m;')
  const none = await ask(server, {}, { 'x-inferloom-min-quality': '0.95', 'x-inferloom-max-cost': '1' })
  expect(none.status).toBe(400)
  const { error } = (await none.json()) as { error: { code: string; message: string } }
  expect(error.code).toBe('no_candidate')
  expect(error.message).toContain('a/m has a price that nobody knows; b/m has a price that nobody knows')
  const wrong = await ask(server, {}, { 'x-inferloom-objective': 'luckiest' })
  expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_value', param: 'x-inferloom-objective' } })
})

test('the slower of two is asked last, once both are known', async () => {
  const slowly = async () => {
    await new Promise((resolve) => setTimeout(resolve, 120))
    return good('a')
  }
  const first = await startUpstream(slowly)
  const second = await startUpstream(() => good('b'))
  const provider = (url: string) => ({ kind: 'openai-compatible', baseUrl: `${url}/v1`, key: 'k'.repeat(20) })
  const server = await startWithProviders(
    { a: provider(first.url), b: provider(second.url) },
    {},
    { routes: { both: { objective: 'fastest', candidates: ['a/m', 'b/m'] } }, routing: { explore: 1 } },
  )
  for (let request = 0; request < 12; request++) await ask(server)
  const rows = await ledgerOf(server)
  expect(rows.slice(0, 4).map(({ provider: name }) => name)).toEqual(['b', 'b', 'b', 'b'])
  expect(rows[0]?.['reason']).toMatch(/^fastest of 2: \d+ ms expected$/)
})

test('a deadline that nobody comes near is refused at once with each candidate, once it is known', async () => {
  const slowly = async () => {
    await new Promise((resolve) => setTimeout(resolve, 150))
    return good('late')
  }
  const first = await startUpstream(slowly)
  const provider = { kind: 'openai-compatible', baseUrl: `${first.url}/v1`, key: 'k'.repeat(20) }
  const routes = { only: { candidates: ['a/m'] }, best: { candidates: ['a/m'], bestEffort: true } }
  const server = await startWithProviders({ a: provider }, {}, { routes })
  const asked = (model: string, headers: Record<string, string> = {}) =>
    server.post(chat, { model, messages: question }, headers)
  for (let request = 0; request < 3; request++) expect((await asked('only')).status).toBe(200)
  const hurried = { 'x-inferloom-deadline': '40' }
  const refused = await asked('only', hurried)
  expect(refused.status).toBe(400)
  const { error } = (await refused.json()) as { error: { code: string; message: string } }
  expect(error.code).toBe('no_candidate')
  expect(error.message).toMatch(/a\/m takes about \d+ ms, and \d+ are left/)
  expect(first.asked.length).toBe(3)
  // Whoever wants it tried all the same is told by its deadline.
  expect(await (await asked('best', hurried)).json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
  expect(first.asked.length).toBe(4)
  const { times } = (await (await server.get('/admin/levers')).json()) as { times: { id: string }[] }
  expect(times.map(({ id }) => id)).toEqual(['a/m'])
})

test('built-in routes choose among all models and are listed with them', async () => {
  const upstream = await startUpstream(
    () => good('x'),
    () => json({ data: [{ id: 'm' }, { id: 'n' }, { id: 'text-embedding-3' }] }),
  )
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const server = await startWithProviders({ up }, { INFERLOOM_ROUTING_BUILTIN: 'true' })
  const listed = async () => ((await (await server.get('/v1/models')).json()) as { data: { id: string }[] }).data
  await expect.poll(async () => (await listed()).map(({ id }) => id), { timeout: 10_000 }).toContain('auto')
  const answer = await server.post(chat, { model: 'cheap', messages: question })
  expect(answer.headers.get('x-inferloom-route')).toMatch(/^up\/[mn]; route=cheap; objective=cheapest; attempts=1$/)
})

test.each([
  [['a/m', 'nobody/m'], "routes.r.candidates.1: There is no model 'nobody/m'"],
  [['a/m', 'r'], "routes.r.candidates.1: leads back to the route 'r' (r → r)"],
])('a route to %j is refused at the start, with its line', async (candidates, complaint) => {
  const folder = temporaryFolder()
  const lines = [
    'providers:',
    '  a: { kind: openai-compatible, baseUrl: "http://127.0.0.1:9/v1" }',
    'routes:',
    '  r:',
    '    candidates:',
  ]
  writeFileSync(join(folder, 'inferloom.yaml'), [...lines, ...candidates.map((each) => `      - ${each}`)].join('\n'))
  const { code, stderr } = await run(['serve'], { folder })
  expect(code).toBe(1)
  expect(stderr).toContain(`inferloom.yaml, line 7: ${complaint}`)
})
