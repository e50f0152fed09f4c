// One row for every request, whatever becomes of it, its client, or the disk.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { commandEnv, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'
import { run } from './command-fixture.ts'

type Row = Record<string, unknown> & { id: string; status: number; output_tokens: number | null }

const chat = '/v1/chat/completions'
/** For clients that leave connections behind which never ask anything. */
const shortGrace = { INFERLOOM_SHUTDOWN_GRACE_SECONDS: '1' }
const question = [{ role: 'user', content: 'What is inference?' }]

async function rowsOf(server: TestServer, limit = 1000): Promise<Row[]> {
  return ((await (await server.get(`/admin/requests?limit=${limit}`)).json()) as { data: Row[] }).data
}

/** Reads a stream until its text has come in so many pieces, then leaves; returns the id and the pieces seen. */
async function leaveAfter(server: TestServer, body: object, pieces: number): Promise<{ id: string; seen: number }> {
  const controller = new AbortController()
  const response = await fetch(server.url + chat, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
    signal: controller.signal,
  })
  const id = response.headers.get('x-request-id') ?? ''
  let seen = 0
  if (pieces > 0) {
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      seen += decoder.decode(bytes as Uint8Array, { stream: true }).split(/"content":"[^"]/).length - 1
      if (seen >= pieces) break
    }
  }
  controller.abort()
  return { id, seen }
}

test('500 streams that are left at random points each have their row, with the tokens that came', async () => {
  const length = 40
  const delta = (index: number) => `{"id":"1","choices":[{"index":0,"delta":{"content":"w${index} "}}]}`
  const end = '{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
  const usage = '{"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":40}}'
  const words = Array.from({ length }, (_, index) => delta(index))
  const upstream = await startUpstream(() => ({ ...sse([...words, end, usage, '[DONE]']), cut: [150, 70, 400] }))
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' }
  const server = await startWithProviders({ up }, shortGrace)
  const left: { id: string; seen: number }[] = []
  for (let batch = 0; batch < 10; batch++) {
    const some = Array.from({ length: 50 }, () => Math.floor(Math.random() * length))
    left.push(
      ...(await Promise.all(some.map((pieces) => leaveAfter(server, { model: 'up/m', messages: question }, pieces)))),
    )
  }
  await until('every request has a row', async () => (await rowsOf(server)).length === 500)
  const rows = new Map((await rowsOf(server)).map((row) => [row.id, row]))
  expect(rows.size).toBe(500)
  for (const { id, seen } of left) {
    const row = rows.get(id)
    expect(row?.['served_model']).toBe('m')
    // Some were complete before the client was seen to have left.
    expect(row?.status === 200 || row?.status === 499).toBe(true)
    expect(row?.output_tokens ?? 0).toBeGreaterThanOrEqual(seen)
    expect(row?.output_tokens ?? 0).toBeLessThanOrEqual(length)
    if (row?.status === 200) expect(row).toMatchObject({ output_tokens: length, usage_basis: 'reported' })
    else if ((row?.output_tokens ?? 0) < length) {
      expect(row?.['usage_basis']).toBe(row?.output_tokens === null ? null : 'counted')
    }
  }
})

describe('on this machine', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ ...shortGrace, INFERLOOM_PARALLEL: '8' })
  })
  afterAll(() => server.close())

  test('streams that are left have the tokens that the engine gave, to the last one', async () => {
    const ask = { model: 'loom-mini', messages: question, max_tokens: 60, temperature: 1 }
    const tokens = async () => {
      const { data } = (await (await server.get('/admin/engine')).json()) as {
        data: { stats: { outputTokens: number; promptTokens: number; running: number; waiting: number } }[]
      }
      return data[0]?.stats
    }
    const before = await tokens()
    const left: { id: string; seen: number }[] = []
    for (let batch = 0; batch < 5; batch++) {
      const some = Array.from({ length: 20 }, () => 1 + Math.floor(Math.random() * 50))
      left.push(...(await Promise.all(some.map((pieces) => leaveAfter(server, ask, pieces)))))
    }
    await until('all have rows', async () => (await rowsOf(server)).length >= 100)
    await until('the engine is idle', async () => {
      const stats = await tokens()
      return stats?.running === 0 && stats.waiting === 0
    })
    const rows = new Map((await rowsOf(server)).map((row) => [row.id, row]))
    let counted = 0
    for (const { id, seen } of left) {
      const row = rows.get(id)
      expect(row).toMatchObject({ provider: 'local', usage_basis: 'reported', cost_usd: row?.['cost_usd'] })
      expect(row?.output_tokens).toBeGreaterThanOrEqual(seen)
      expect(row?.output_tokens).toBeLessThanOrEqual(60)
      expect(row?.['prompt_tokens']).toBeGreaterThan(0)
      counted += row?.output_tokens ?? 0
    }
    // The engine learns a little later than the ledger that nobody reads any more.
    const spent = ((await tokens())?.outputTokens ?? 0) - (before?.outputTokens ?? 0)
    expect(counted).toBeLessThanOrEqual(spent)
  })

  test('a row says who asked, what served it, why, and how it can be compared', async () => {
    const response = await server.post(chat, {
      model: 'loom-mini',
      messages: question,
      max_tokens: 5,
      temperature: 0,
      service_tier: 'flex',
    })
    const id = response.headers.get('x-request-id') ?? ''
    const detail = (await (await server.get(`/admin/requests/${id}`)).json()) as Row
    expect(detail).toMatchObject({
      id,
      key_id: 'local',
      provider: 'local',
      served_model: 'loom-mini',
      reason: 'a local model of that name',
      determinism: 'greedy',
      capabilities: '',
      tier: 'flex',
      attempts: 1,
      attempts_made: [{ number: 1, provider: 'local', model: 'loom-mini', status: 200 }],
      content: null,
      cache: 'miss',
    })
    expect(detail['exact_key']).toMatch(/^[0-9a-f]{32}$/)
    expect(detail['queue_ms']).toBeGreaterThanOrEqual(0)
    expect(detail['prefix_hashes']).toMatchObject([{ border: true }])
    const missing = await server.get(`/admin/requests/${'0'.repeat(32)}`)
    expect([missing.status, ((await missing.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'request_not_found',
    ])
  })

  test('names that nobody serves stay data, in rows, in sums, in tables and in spreadsheets', async () => {
    const hostile = [`'; drop table requests; --`, '\u001B[2J\u001B]0;title\u0007', '=cmd|calc', '<b>x</b>', 'a\nb']
    for (const model of hostile) {
      const response = await server.post(chat, { model, messages: question })
      expect(response.status).toBe(404)
    }
    const rows = await rowsOf(server, hostile.length)
    expect(rows.map((row) => row['model'])).toEqual(hostile.toReversed())
    const folder = temporaryFolder()
    const env = commandEnv(server)
    const shown = await run(['requests', '--limit', '5'], { folder, env })
    expect(shown.code).toBe(0)
    expect(shown.stdout).not.toContain('\u001B')
    expect(shown.stdout).toContain('\\u{1b}[2J')
    expect(shown.stdout.trimEnd().split('\n')).toHaveLength(6)
    const one = await run(['requests', rows[3]?.id ?? ''], { folder, env })
    expect(one.stdout).toContain('\\u{1b}[2J')
    expect(one.stdout).not.toContain('\u001B')
    const sums = await run(['usage', '--by', 'route', '--csv'], { folder, env })
    const lines = sums.stdout.trimEnd().split('\r\n')
    expect(lines[0]).toMatch(/^route,name,requests,errors,/)
    // Invented names have one line together.
    expect(lines.some((line) => line.startsWith(',,5,5,'))).toBe(true)
    expect(sums.stdout).toContain('\r\nloom-mini,,')
  })

  test('usage is shown for people and machines, and what more of it would cost', async () => {
    const folder = temporaryFolder()
    const env = commandEnv(server)
    const people = await run(['usage', '--since', '24h', '--project', '10000'], { folder, env })
    expect(people.stderr).toBe('')
    expect(people.stdout).toContain('local/loom-mini')
    expect(people.stdout).toContain('10,000 requests a day')
    for (const by of ['key', 'team', 'model', 'provider', 'route', 'day', 'hour']) {
      const { stdout } = await run(['usage', '--by', by, '--json'], { folder, env })
      const answer = JSON.parse(stdout) as { by: string; data: { requests: number }[] }
      expect(answer.by).toBe(by)
      expect(answer.data.reduce((sum, { requests }) => sum + requests, 0)).toBe((await rowsOf(server)).length)
    }
    for (const bad of ['by=colour', 'since=soon', 'since=-1d', 'since=1d&until=2d', 'project=0', 'since=2026-13-99']) {
      const response = await server.get(`/admin/usage?${bad}`)
      expect(response.status).toBe(400)
    }
  })
})

test('numbers that cannot be are unknown and marked, and nothing is paid for them', async () => {
  const numbers = ['-5', '1e300', '3.5', '9007199254740993']
  let turn = 0
  const upstream = await startUpstream(() => {
    const body = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":${numbers[turn++]}}}`
    return { headers: { 'content-type': 'application/json' }, body }
  })
  const server = await startWithProviders({
    up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' },
  })
  for (const _ of numbers) expect((await server.post(chat, { model: 'up/m', messages: question })).status).toBe(200)
  for (const row of await ledgerOf(server)) {
    expect(row).toMatchObject({ status: 200, prompt_tokens: 7, output_tokens: null, cost_usd: null })
    expect(row['doubt']).toBe('completion_tokens,outputTokens.total')
  }
  const usage = (await (await server.get('/admin/usage')).json()) as { data: { output_tokens: number }[] }
  expect(usage.data.every(({ output_tokens: tokens }) => tokens === 0)).toBe(true)
})

test('content is kept only where it is wanted, without what is nobody’s business', async () => {
  const upstream = await startUpstream(() => json(answered('Write to bob@example.com')))
  const providers = { up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' } }
  const ask = { model: 'up/m', messages: [{ role: 'user', content: 'I am jane@example.com' }] }
  const kept = async (env: Record<string, string>) => {
    const server = await startWithProviders(providers, env)
    const id = (await server.post(chat, ask)).headers.get('x-request-id') ?? ''
    return JSON.stringify(await (await server.get(`/admin/requests/${id}`)).json())
  }
  expect(await kept({})).toContain('"content":null')
  const all = await kept({ INFERLOOM_LEDGER_CONTENT_SHARE: '1' })
  expect(all).toContain('I am [email]')
  expect(all).toContain('Write to [email]')
  expect(all).not.toContain('@example.com')
})

function answered(content: string): object {
  const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }
  const message = { role: 'assistant', content }
  return {
    id: '1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  }
}

const mounts = process.platform === 'linux' && process.getuid?.() === 0

test.skipIf(!mounts)(
  'on a full disk requests are answered, what was written stays, and the rest comes later',
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
    const mount = (...args: string[]) => spawnSync('mount', args).status
    if (mount('-t', 'tmpfs', '-o', 'size=2m', 'none', home) !== 0) return rmSync(home, { recursive: true })
    onTestFinished(() => {
      spawnSync('umount', ['-l', home])
      rmSync(home, { recursive: true, force: true })
    })
    const upstream = await startUpstream(() => json(answered('x')))
    const server = await startWithProviders(
      { up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' } },
      { INFERLOOM_HOME: home },
    )
    const ask = () => server.post(chat, { model: 'up/m', messages: question })
    expect((await ask()).status).toBe(200)
    expect(await rowsOf(server)).toHaveLength(1)
    // Whatever room there is goes.
    mkdirSync(join(home, 'full'))
    spawnSync('dd', ['if=/dev/zero', `of=${join(home, 'full', 'all')}`, 'bs=4096'])
    const ready = async () =>
      (await (await server.get('/ready')).json()) as { status: string; degraded?: { part: string }[] }
    let asked = 1
    await until('it is said that the ledger is in trouble', async () => {
      for (let index = 0; index < 200; index++, asked++) expect((await ask()).status).toBe(200)
      return (await ready()).degraded?.[0]?.part === 'ledger'
    })
    expect((await server.get('/ready')).status).toBe(200)
    expect((await ask()).status).toBe(200)
    asked++
    rmSync(join(home, 'full'), { recursive: true })
    await until('everything is written', async () => {
      const usage = (await (await server.get('/admin/usage?by=provider')).json()) as { data: { requests: number }[] }
      return usage.data[0]?.requests === asked && (await ready()).degraded === undefined
    })
  },
)
