// Keys and teams with limits of their own, made and changed through the admin API while requests run.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const messages = [{ role: 'user' as const, content: 'What is inference?' }]
/** A dollar for a thousand input tokens, two for as many of output. */
const prices = { models: { 'up/m': { input: 1000, output: 2000 } }, update: false }

function answered(prompt = 100, output = 50): UpstreamAnswer {
  const usage = { prompt_tokens: prompt, completion_tokens: output, total_tokens: prompt + output }
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }]
  return json({ id: '1', object: 'chat.completion', created: 1, model: 'm', choices, usage })
}

async function started(answer: (body: string) => UpstreamAnswer | Promise<UpstreamAnswer>, limits: object = {}) {
  const upstream = await startUpstream(({ body }) => answer(body))
  const file = join(temporaryFolder(), 'inferloom.yaml')
  const providers = { up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k' } }
  writeFileSync(file, JSON.stringify({ builtin: false, providers, prices, limits })) // every JSON is YAML
  const server = await startTestServer({}, file)
  onTestFinished(() => server.close())
  return { upstream, server }
}

interface Made {
  readonly id: string
  readonly key: string
}

async function change<T>(server: TestServer, path: string, body: object): Promise<T> {
  const response = await server.post(`/admin/${path}`, body)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as T
}

async function ask(server: TestServer, { key }: Made, more: object = {}): Promise<Response> {
  const body = { model: 'up/m', messages, max_tokens: 50, ...more }
  const response = await server.post(chat, body, { authorization: `Bearer ${key}` })
  await response.clone().arrayBuffer()
  return response
}

async function budgetOf(server: TestServer, id: string): Promise<{ spent: number; reserved: number }> {
  const { data } = (await (await server.get('/admin/budgets')).json()) as {
    data: { id: string; spent: number; reserved: number }[]
  }
  const line = data.find((each) => each.id === id)
  if (!line) throw new Error(`${id} has no budget`)
  return line
}

test('the limits of a team are for all its keys together, and those of a key within them', async () => {
  const { server } = await started(() => answered())
  const team = await change<Made>(server, 'teams', { name: 'research', limits: { rpm: 10 } })
  const wide = await change<Made>(server, 'keys', { name: 'wide', team: 'research' })
  const narrow = await change<Made>(server, 'keys', { name: 'narrow', team: 'research', limits: { rpm: 3 } })
  const alone = await change<Made>(server, 'keys', { name: 'alone' })
  const statuses = async (made: Made) =>
    (await Promise.all(Array.from({ length: 20 }, () => ask(server, made)))).map(({ status }) => status)
  expect((await statuses(narrow)).filter((status) => status === 200)).toHaveLength(3)
  expect((await statuses(wide)).filter((status) => status === 200)).toHaveLength(7)
  expect((await statuses(alone)).filter((status) => status === 200)).toHaveLength(20)
  const refused = await ask(server, wide)
  expect(await refused.text()).toContain('The limit of 10 requests a minute of this team is used up.')
  // A change counts from the next request on.
  await change(server, `teams/${team.id}`, { limits: { rpm: 11 } })
  expect((await statuses(wide)).filter((status) => status === 200)).toHaveLength(1)
})

test('keys of a team take turns, however many requests one of them sends', async () => {
  const order: string[] = []
  let release = () => {}
  const first = new Promise<void>((resolve) => (release = resolve))
  const { server, upstream } = await started(async (body) => {
    await first
    order.push((JSON.parse(body) as { user: string }).user)
    return answered()
  })
  await change(server, 'teams', { name: 'one', limits: { concurrency: 1 } })
  const greedy = await change<Made>(server, 'keys', { name: 'greedy', team: 'one' })
  const modest = await change<Made>(server, 'keys', { name: 'modest', team: 'one' })
  const running = ask(server, greedy, { user: 'greedy' })
  await until('one runs', () => upstream.asked.length === 1)
  const waiting = Array.from({ length: 10 }, () => ask(server, greedy, { user: 'greedy' }))
  // So that they are in the queue before the others come.
  await new Promise((resolve) => setTimeout(resolve, 200))
  waiting.push(ask(server, modest, { user: 'modest' }), ask(server, modest, { user: 'modest' }))
  await new Promise((resolve) => setTimeout(resolve, 200))
  release()
  const answers = await Promise.all([running, ...waiting])
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  expect(order.slice(0, 5)).toEqual(['greedy', 'greedy', 'modest', 'greedy', 'modest'])
})

test('a key is made, spends its budget, is refused, and the ledger agrees with its client to the token', async () => {
  // Different each time, and the same in each run.
  let answers = 0
  const { server } = await started(() => answered(91 + ((answers++ * 7) % 20), 40))
  const budgets = [{ usd: 2, window: 'month' }]
  const made = await change<Made>(server, 'keys', { name: 'spender', limits: { budgets } })
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: made.key })
  let prompt = 0
  let output = 0
  let cost = 0
  let refused: unknown
  while (refused === undefined) {
    try {
      const { data, response } = await client.chat.completions
        .create({ model: 'up/m', messages, max_tokens: 40 })
        .withResponse()
      prompt += data.usage?.prompt_tokens ?? 0
      output += data.usage?.completion_tokens ?? 0
      cost += Number(response.headers.get('x-inferloom-cost'))
    } catch (error) {
      refused = error
    }
  }
  expect(refused).toBeInstanceOf(OpenAI.RateLimitError)
  expect(refused).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' })
  expect(cost).toBeGreaterThan(1.8)
  // The last one is let in by an estimate, four characters a token, and may cost as much more as it has more tokens.
  expect(cost).toBeLessThan(2 + 0.11 - JSON.stringify(messages).length / 4000)
  expect((await budgetOf(server, made.id)).spent).toBeCloseTo(cost)
  const usage = (await (await server.get('/admin/usage?by=key')).json()) as { data: { group: string }[] }
  const line = usage.data.find(({ group }) => group === made.id)
  expect(line).toMatchObject({ prompt_tokens: prompt, output_tokens: output })
  expect((line as unknown as { cost_usd: number }).cost_usd).toBeCloseTo(cost)
  await change(server, `keys/${made.id}`, { limits: { budgets: [{ usd: 3, window: 'month' }] } })
  expect((await ask(server, made)).status).toBe(200)
  await change(server, `keys/${made.id}`, { limits: { budgets: [{ usd: 1, window: 'month' }] } })
  expect((await ask(server, made)).status).toBe(429)
  await change(server, `keys/${made.id}`, { limits: { budgets: null } })
  expect((await ask(server, made)).status).toBe(200)
})

test('a team pays for a stream whose key is revoked in the middle of it', async () => {
  const rest = Promise.withResolvers<string>()
  const delta = (text: string) => `{"id":"1","choices":[{"index":0,"delta":{"content":"${text}"}}]}`
  const end = '{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
  const usage = '{"id":"1","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}'
  const { server } = await started(() => ({ ...sse([delta('Hel')]), rest: rest.promise }))
  const budgets = [{ usd: 100, window: 'month' }]
  const team = await change<Made>(server, 'teams', { name: 'payers', limits: { budgets } })
  const made = await change<Made>(server, 'keys', { name: 'leaver', team: 'payers' })
  const body = { model: 'up/m', messages, max_tokens: 50, stream: true }
  const streaming = await server.post(chat, body, { authorization: `Bearer ${made.key}` })
  const reader = streaming.body?.pipeThrough(new TextDecoderStream()).getReader()
  expect((await reader?.read())?.value).toContain('Hel')
  await change(server, `keys/${made.id}/revoke`, {})
  expect((await budgetOf(server, team.id)).reserved).toBeGreaterThan(0)
  rest.resolve(String(sse([delta('lo'), end, usage, '[DONE]']).body))
  let text = ''
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) text += next.value
  expect(text).toContain('lo')
  expect(text).toContain('[DONE]')
  await until('it settled', async () => (await budgetOf(server, team.id)).reserved === 0)
  expect((await budgetOf(server, team.id)).spent).toBeCloseTo(2)
  expect((await ask(server, made)).status).toBe(401)
})
