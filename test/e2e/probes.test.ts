import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ledgerOf } from '../provider-fixture.ts'
import { question, startTestServer, temporaryFolder, until } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

const answer = json({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
})
const broken = json({ error: { message: 'Down' } }, 500)
const breaker = { consecutiveFailures: 2, openSeconds: 3000, mostOpenSeconds: 3000 }

async function started(probes: object | undefined) {
  const is = { down: true }
  const lists: string[] = []
  const one = await startUpstream(
    () => (is.down ? broken : answer),
    ({ path }) => {
      lists.push(path)
      return is.down ? broken : json({ data: [] })
    },
  )
  const other = await startUpstream(() => answer)
  const provider = (url: string) => ({ kind: 'openai-compatible', baseUrl: `${url}/v1`, key: 'k'.repeat(20) })
  const file = join(temporaryFolder(), 'inferloom.yaml')
  const write = (probes: object | undefined) =>
    writeFileSync(
      file,
      JSON.stringify({
        builtin: false,
        providers: { one: provider(one.url), other: provider(other.url) },
        routes: { r: { objective: 'ordered', candidates: ['one/m', 'other/m'] } },
        reliability: { backoffMs: 0, breaker, ...(probes && { probes }) },
      }),
    )
  write(probes)
  const server = await startTestServer({}, file)
  onTestFinished(() => server.close())
  const routed = async () => {
    const { status, headers } = await server.post('/v1/chat/completions', { model: 'r', messages: question })
    expect(status).toBe(200)
    return headers.get('x-inferloom-route')?.includes('one/m') ? 'one' : 'other'
  }
  const levers = async () =>
    (await (await server.get('/admin/levers')).json()) as {
      health: { id: string; state: string; tries: number }[]
      probes?: { answered: number; failed: number; promptTokens: number; failing: Record<string, string> }
    }
  const stateOf = async () => (await levers()).health.find(({ id }) => id === 'one/m')?.state
  const open = async () => {
    while ((await stateOf()) !== 'open') expect(await routed()).toBe('other')
  }
  return { is, lists, one, server, write, routed, levers, stateOf, open }
}

test('a provider that is back is asked again as soon as a probe says so; without probes it is left alone', async () => {
  const { is, server, one, routed, levers, open } = await started({ intervalSeconds: 0.05 })
  await open()
  const askedBefore = one.asked.length
  await until('probes fail', async () => ((await levers()).probes?.failed ?? 0) >= 2)
  expect((await levers()).probes?.failing['one']).toContain('Down')
  expect(await routed()).toBe('other')
  is.down = false
  await until('it is asked again', async () => (await routed()) === 'one')
  // Probes are nobody's requests: no row, no cost, no try.
  const rows = await ledgerOf(server)
  expect(rows.every(({ model }) => model === 'r')).toBe(true)
  expect(one.asked.length).toBe(askedBefore + 1)
  const metrics = await (await server.get('/metrics')).text()
  expect(metrics).toMatch(/inferloom_probes_total\{outcome="failed"\} [1-9]/)
  const without = await started(undefined)
  await without.open()
  without.is.down = false
  for (let request = 0; request < 5; request++) expect(await without.routed()).toBe('other')
  expect((await without.levers()).probes).toBeUndefined()
})

test('one token is asked for where the settings say so, and probes begin and end with the file', async () => {
  const { is, one, server, lists, write, levers, stateOf, open } = await started(undefined)
  await open()
  const { length } = one.asked
  is.down = false
  write({ intervalSeconds: 0.05, providers: { one: { kind: 'request' } } })
  await server.post('/admin/reload', {})
  await until('it is half-open', async () => (await stateOf()) === 'half-open')
  expect(one.asked).toHaveLength(length + 1)
  expect(one.body()).toMatchObject({ model: 'm', max_tokens: 1 })
  expect((await levers()).probes).toMatchObject({ answered: 1, promptTokens: 5 })
  // At the start alone.
  expect(lists).toHaveLength(1)
  write(undefined)
  await server.post('/admin/reload', {})
  expect((await levers()).probes).toBeUndefined()
})

test('a page at the root of the server may stand for it', async () => {
  const { is, one, stateOf, open } = await started({ intervalSeconds: 0.05, path: '/health' })
  await open()
  const { length } = one.asked
  await until('it is asked for', () => one.asked.length >= length + 2)
  expect(one.asked.at(-1)).toMatchObject({ method: 'GET', path: '/health' })
  is.down = false
  await until('it is half-open', async () => (await stateOf()) === 'half-open')
})
