// Limits and budgets as clients meet them: real requests to a real server, whose provider is a real HTTP server.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { commandEnv, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type Upstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { output, run, start } from './command-fixture.ts'

const chat = '/v1/chat/completions'
const messages = [{ role: 'user' as const, content: 'What is inference?' }]

/** A dollar for a thousand input tokens, two for as many of output. */
const prices = { models: { 'up/m': { input: 1000, output: 2000 } }, update: false }

function answered(prompt = 100, output = 50): UpstreamAnswer {
  const usage = { prompt_tokens: prompt, completion_tokens: output, total_tokens: prompt + output }
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }]
  return json({ id: '1', object: 'chat.completion', created: 1, model: 'm', choices, usage })
}

/** Writes the configuration of a server whose provider is `upstream`. JSON is YAML too. */
function configOf(upstream: Upstream, limits: object, folder = temporaryFolder()): string {
  const file = join(folder, 'inferloom.yaml')
  const providers = { up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' } }
  writeFileSync(file, JSON.stringify({ builtin: false, providers, prices, limits }))
  return file
}

async function startLimited(limits: object, answer: (body: string) => UpstreamAnswer | Promise<UpstreamAnswer>) {
  const upstream = await startUpstream(({ body }) => answer(body))
  const server = await startTestServer({}, configOf(upstream, limits))
  onTestFinished(() => server.close())
  return { upstream, server }
}

const ask = (server: TestServer, more: object = {}) =>
  server.post(chat, { model: 'up/m', messages, max_tokens: 50, ...more })

interface BudgetLine {
  kind: string
  id: string
  spent: number
  reserved: number
  left: number
  projected: number | null
}

async function budgetsOf(server: Pick<TestServer, 'get'>): Promise<BudgetLine[]> {
  return ((await (await server.get('/admin/budgets')).json()) as { data: BudgetLine[] }).data
}

async function errorOf(response: Response): Promise<{ code: string; type: string; message: string }> {
  return ((await response.json()) as { error: { code: string; type: string; message: string } }).error
}

test('of 2,000 requests at once exactly 100 are served', async () => {
  const { upstream, server } = await startLimited({ keys: { rpm: 100 } }, () => answered())
  const answers = await Promise.all(
    Array.from({ length: 2000 }, async () => {
      const response = await ask(server)
      await response.arrayBuffer()
      return response
    }),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(100)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(1900)
  expect(upstream.asked).toHaveLength(100)
  for (const { status, headers } of answers) {
    expect(headers.get('x-ratelimit-limit-requests')).toBe('100')
    if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  const remaining = answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => Number(headers.get('x-ratelimit-remaining-requests')))
  expect(remaining.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index))
})

test('tokens are set aside from an estimate and corrected by what was used', async () => {
  const { server } = await startLimited({ keys: { tpm: 1000 } }, () => answered(400, 100))
  const first = await ask(server, { max_tokens: 900 })
  expect(Number(first.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(100)
  await first.text()
  const second = await ask(server, { max_tokens: 100 })
  expect(second.status).toBe(200)
  // Of the thousand 500 were used by the first; the second was expected to use a little more than 100.
  expect(Number(second.headers.get('x-ratelimit-remaining-tokens'))).toBeGreaterThan(350)
  expect(second.headers.get('x-ratelimit-reset-tokens')).toMatch(/^1m\d+s$|^\d+s$/)
  await second.text()
  const third = await ask(server, { max_tokens: 100 })
  expect(await errorOf(third)).toMatchObject({ code: 'rate_limited', type: 'rate_limit_error' })
  const larger = await ask(server, { max_tokens: 5000 })
  expect(larger.headers.get('retry-after')).toBeNull()
  expect((await errorOf(larger)).message).toMatch(
    /^The request needs about 5,\d+ tokens, and the limit of this key is 1,000 a minute/,
  )
})

test('Anthropic’s clients find their limits where they look for them', async () => {
  const { server } = await startLimited({ keys: { rpm: 7, tpm: 9000 } }, () => answered())
  const { headers } = await server.post('/v1/messages', { model: 'up/m', max_tokens: 10, messages })
  expect(headers.get('anthropic-ratelimit-requests-limit')).toBe('7')
  expect(headers.get('anthropic-ratelimit-requests-remaining')).toBe('6')
  expect(Date.parse(headers.get('anthropic-ratelimit-requests-reset') ?? '')).toBeGreaterThan(Date.now() + 50_000)
  expect(headers.get('anthropic-ratelimit-tokens-limit')).toBe('9000')
})

test('more at once than may wait for their turn, and who leaves makes room', async () => {
  let running = 0
  let most = 0
  const { server } = await startLimited({ keys: { concurrency: 2 }, maxWaitSeconds: 30 }, async () => {
    running++
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 50))
    running--
    return answered()
  })
  const asked = Array.from({ length: 20 }, async () => (await ask(server)).status)
  await until('two run', () => running === 2)
  // These wait behind the others, and leave before it is their turn.
  const leaving = Array.from({ length: 10 }, async () => {
    const body = JSON.stringify({ model: 'up/m', messages })
    await fetch(server.url + chat, { method: 'POST', body, signal: AbortSignal.timeout(10) }).catch(() => {})
  })
  await Promise.all(leaving)
  const answers = await Promise.all(asked)
  expect(answers).toEqual(Array.from({ length: 20 }, () => 200))
  expect(most).toBe(2)
  expect((await ask(server)).status).toBe(200)
})

test('a wait ends with the deadline of the request, or after the time that is set', async () => {
  const never = new Promise<UpstreamAnswer>(() => {})
  const { upstream, server } = await startLimited(
    { keys: { concurrency: 1 }, maxWaitSeconds: 0.2, queue: 2 },
    () => never,
  )
  const controller = new AbortController()
  const body = JSON.stringify({ model: 'up/m', messages })
  void fetch(server.url + chat, { method: 'POST', body, signal: controller.signal }).catch(() => {})
  await until('it runs', () => upstream.asked.length === 1)
  const late = server.post(chat, { model: 'up/m', messages }, { 'x-inferloom-deadline': '50' })
  const [deadline, waited] = await Promise.all([late, ask(server)])
  expect(await errorOf(deadline)).toMatchObject({ code: 'deadline_exceeded' })
  expect(waited.status).toBe(429)
  expect((await errorOf(waited)).message).toContain('none ended in 0.2 seconds')
  controller.abort()
})

test('a budget is spent to its end, warns before that, and is told to the webhook once', async () => {
  const told: unknown[] = []
  const hook = await startUpstream(({ body }) => {
    told.push(JSON.parse(body))
    return { status: 204 }
  })
  // Each takes 100 × 0.001 + 50 × 0.002 dollars; as much or less was expected of it.
  const budgets = [{ usd: 1, window: 'day', soft: 0.5 }]
  const { server, upstream } = await startLimited(
    { models: { 'up/m': { budgets } }, webhook: `${hook.url}/told` },
    () => answered(),
  )
  const costs: number[] = []
  const warnings: (string | null)[] = []
  let refused: Response | undefined
  for (let index = 0; index < 8 && !refused; index++) {
    const response = await ask(server)
    if (response.status !== 200) refused = response
    else {
      costs.push(Number(response.headers.get('x-inferloom-cost')))
      warnings.push(response.headers.get('x-inferloom-budget-warning'))
      await response.arrayBuffer()
    }
  }
  expect(costs).toEqual([0.2, 0.2, 0.2, 0.2, 0.2])
  expect(warnings[0]).toBeNull()
  expect(warnings[4]).toMatch(/^\$0\.\d+ of the budget of \$1\.00 a day of the model up\/m are spent$/)
  if (!refused) throw new Error('nothing was refused')
  expect(refused.status).toBe(429)
  expect(refused.headers.get('x-should-retry')).toBe('false')
  expect(await errorOf(refused)).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' })
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 5 })
  await expect(client.chat.completions.create({ model: 'up/m', messages })).rejects.toBeInstanceOf(
    OpenAI.RateLimitError,
  )
  expect(upstream.asked).toHaveLength(5)
  const [line] = await budgetsOf(server)
  expect(line).toMatchObject({ kind: 'model', id: 'up/m', reserved: 0 })
  expect(line?.spent).toBeCloseTo(1)
  await until('both notices came', () => told.length === 2)
  expect(told).toMatchObject([{ event: 'budget.soft', id: 'up/m', usd: 1 }, { event: 'budget.hard' }])
})

test('a stream that was left is charged what came of it, and no more', async () => {
  const delta = (index: number) => `{"id":"1","choices":[{"index":0,"delta":{"content":"w${index} "}}]}`
  const words = Array.from({ length: 20 }, (_, index) => delta(index))
  const budgets = [{ usd: 1000, window: 'day' }]
  const { server } = await startLimited({ models: { 'up/m': { budgets } } }, () => ({ ...sse(words), ending: 'stall' }))
  const controller = new AbortController()
  const body = JSON.stringify({ model: 'up/m', messages, stream: true, max_tokens: 10_000 })
  const response = await fetch(server.url + chat, { method: 'POST', body, signal: controller.signal })
  const reader = response.body?.getReader()
  for (let seen = ''; !seen.includes('w19');) seen += Buffer.from((await reader?.read())?.value ?? []).toString()
  expect((await budgetsOf(server))[0]?.reserved).toBeGreaterThan(20)
  controller.abort()
  await until('it settled', async () => (await budgetsOf(server))[0]?.reserved === 0)
  const [line] = await budgetsOf(server)
  // Twenty of output, and what its body had.
  expect(line?.spent).toBeGreaterThan(0.04)
  expect(line?.spent).toBeLessThan(0.1)
})

test.each([
  ['negative', -1_000_000, -5],
  ['absurd', 1e15, 1e15],
])('usage that is %s neither frees a budget nor uses it up', async (_, prompt, output) => {
  const budgets = [{ usd: 10, window: 'day' }]
  const { server } = await startLimited({ models: { 'up/m': { budgets } } }, () => answered(prompt, output))
  for (let index = 0; index < 3; index++) expect((await ask(server)).status).toBe(200)
  const [line] = await budgetsOf(server)
  // What was set aside stays: nobody knows better.
  expect(line?.spent).toBeGreaterThan(0.3)
  expect(line?.spent).toBeLessThan(0.6)
})

function adminOf(folder: string): Record<string, string> {
  return { authorization: `Bearer ${readFileSync(join(folder, 'home', 'admin-key'), 'utf8').trim()}` }
}

test('a route is limited by its name, whoever answers for it, and a model wherever it is asked for', async () => {
  const upstream = await startUpstream(() => answered())
  const file = join(temporaryFolder(), 'inferloom.yaml')
  const providers = { up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' } }
  const routes = { quick: { candidates: ['up/m', 'up/other'], objective: 'ordered' } }
  const budgets = [{ usd: 0.35, window: 'month' }]
  const priced = { models: { ...prices.models, 'up/other': prices.models['up/m'] }, update: false }
  const limits = { models: { quick: { rpm: 2, budgets }, 'up/m': { rpm: 3 } } }
  writeFileSync(file, JSON.stringify({ builtin: false, providers, routes, prices: priced, limits }))
  const server = await startTestServer({}, file)
  onTestFinished(() => server.close())
  const statuses: number[] = []
  for (const model of ['quick', 'quick', 'quick', 'up/m', 'up/m']) {
    const answer = await ask(server, { model })
    statuses.push(answer.status)
    if (statuses.length === 3) expect((await errorOf(answer)).message).toMatch(/of the route quick/)
  }
  expect(statuses).toEqual([200, 200, 429, 200, 429])
  const lines = await budgetsOf(server)
  expect(lines).toMatchObject([{ kind: 'route', id: 'quick' }])
  expect(lines[0]?.spent).toBeCloseTo(0.4)
})

test('a budget is remembered through kill -9', async () => {
  const folder = temporaryFolder()
  const upstream = await startUpstream(() => answered())
  configOf(upstream, { models: { 'up/m': { budgets: [{ usd: 3, window: 'month' }] } } }, folder)
  let spent = 0
  let refused = 0
  for (let round = 0; round < 4; round++) {
    const child = start(['serve'], { folder })
    const shown = output(child)
    await until('it listens', () => /http:\/\/\S+/.test(shown()))
    const url = /http:\/\/[\d.:]+/.exec(shown())?.[0] ?? ''
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const body = JSON.stringify({ model: 'up/m', messages, max_tokens: 50 })
        const response = await fetch(url + chat, { method: 'POST', body })
        await response.arrayBuffer()
        return response
      }),
    )
    for (const { status, headers } of answers) {
      if (status === 200) spent += Number(headers.get('x-inferloom-cost'))
      else refused++
    }
    const { data } = (await (await fetch(`${url}/admin/budgets`, { headers: adminOf(folder) })).json()) as {
      data: BudgetLine[]
    }
    expect(data[0]?.spent).toBeCloseTo(spent)
    // The ledger is a second behind at most.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
  }
  expect(spent).toBeCloseTo(3)
  expect(refused).toBe(5)
})

test('inferloom budgets shows them', async () => {
  const budgets = [{ usd: 20, window: 'month', soft: 15 }]
  const { server } = await startLimited({ models: { 'up/m': { budgets } } }, () => answered())
  await (await ask(server)).arrayBuffer()
  const env = commandEnv(server)
  const { code, stdout } = await run(['budgets'], { folder: temporaryFolder(), env })
  expect(stdout).toMatch(/^model up\/m +\$20\.00 a month +\$0\.2 +\$19\.80 +\$[\d.,]+ +\d{4}-\d\d-01 00:00Z/m)
  expect(stdout).toContain('Projected: spent so far, and for what is left')
  expect(code).toBe(0)
})
