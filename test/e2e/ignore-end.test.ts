// vLLM's `ignore_eos`, which load generators send so that every answer has the length that they ask for.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWithProviders } from '../provider-fixture.ts'
import { question, startTestServer, type TestServer } from '../server-fixture.ts'
import { json, startUpstream } from '../upstream-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

interface Answer {
  readonly choices: readonly { readonly finish_reason: string }[]
  readonly usage: { readonly completion_tokens: number }
  readonly error?: { readonly code: string; readonly param: string; readonly message: string }
}

async function ask(path: string, body: object, on: Pick<TestServer, 'post'> = server): Promise<Answer> {
  return (await (await on.post(path, body)).json()) as Answer
}

const chat = { model: 'loom-mini', messages: question, max_tokens: 150 }

test.each([
  ['greedy', { temperature: 0 }],
  ['sampled', { temperature: 1, seed: 3 }],
  ['of two choices', { n: 2 }],
  // The strongest wish for an end.
  ['with a bias towards the end', { logit_bias: { 0: 100, 2: 100 } }],
])('an answer goes on to max_tokens: %s', async (_, more) => {
  const { choices, usage } = await ask('/v1/chat/completions', { ...chat, ...more, ignore_eos: true })
  expect(choices.map(({ finish_reason: reason }) => reason)).toEqual(choices.map(() => 'length'))
  expect(usage.completion_tokens).toBe(150 * choices.length)
})

test('a bare prompt too; and without it, or with false, an answer ends where the model ends it', async () => {
  const bare = { model: 'loom-mini', prompt: 'What is inference?', max_tokens: 150, temperature: 0 }
  expect((await ask('/v1/completions', { ...bare, ignore_eos: true })).usage.completion_tokens).toBe(150)
  const { choices } = await ask('/v1/chat/completions', { ...chat, temperature: 0, ignore_eos: false })
  expect(choices[0]?.finish_reason).toBe('stop')
})

test.each([
  ['grammar', { grammar: 'root ::= "a"' }],
  ['response_format', { response_format: { type: 'json_object' } }],
  ['tools', { tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }] }],
])('it is refused beside a form that says how an answer ends: %s', async (form, more) => {
  const { error } = await ask('/v1/chat/completions', { ...chat, ...more, ignore_eos: true })
  expect(error).toMatchObject({
    code: 'invalid_value',
    param: 'ignore_eos',
    message: expect.stringContaining(form) as string,
  })
})

test('a provider whose wire has no word for it refuses it by name', async () => {
  const upstream = await startUpstream(() => json({}))
  const other = await startWithProviders({ up: { kind: 'anthropic', key: 'k', baseUrl: upstream.url } })
  const { error } = await ask('/v1/chat/completions', { ...chat, model: 'up/m', ignore_eos: true }, other)
  expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'ignore_eos' })
  expect(upstream.asked.filter(({ method }) => method === 'POST')).toEqual([])
})
