import { expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { commandEnv, question, temporaryFolder, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { run } from './command-fixture.ts'

const chat = '/v1/chat/completions'
/** US dollars a million: input 2, read from a cache 0.5, output 8. */
const model = 'gpt-4.1-2025-04-14'
const usage = (cached: number) => ({
  prompt_tokens: 1000,
  completion_tokens: 100,
  total_tokens: 1100,
  prompt_tokens_details: { cached_tokens: cached },
})
const whole = (cached: number) =>
  json({
    id: 'c',
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    usage: usage(cached),
  })
const streamed = (cached: number) =>
  sse([
    JSON.stringify({ id: 'c', model, choices: [{ index: 0, delta: { content: 'Hi' } }] }),
    JSON.stringify({ id: 'c', model, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    JSON.stringify({ id: 'c', model, choices: [], usage: usage(cached) }),
    '[DONE]',
  ])

async function started(answer: (body: string) => UpstreamAnswer) {
  const upstream = await startUpstream(({ body }) => answer(body))
  const up = { kind: 'openai', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const routes = { r: { candidates: ['up/gpt-4.1'] } }
  return await startWithProviders({ up }, {}, { routes })
}

/** Its row, with what caches saved of it. */
async function asked(server: TestServer, body: object): Promise<Record<string, unknown>> {
  const answer = await server.post(chat, { model: 'r', messages: question, ...body })
  await answer.text()
  const id = answer.headers.get('x-request-id') ?? ''
  return (await (await server.get(`/admin/requests/${id}`)).json()) as Record<string, unknown>
}

const usd = (value: number) => expect.closeTo(value, 12) as number

test("what a provider's cache and kept answers saved is in each request, in sums, and for people", async () => {
  const server = await started((body) => (body.includes('"stream":true') ? streamed(800) : whole(800)))
  const stream = { stream: true, stream_options: { include_usage: true } }
  for (const body of [{}, stream]) {
    expect(await asked(server, body)).toMatchObject({
      cached_tokens: 800,
      cost_usd: usd((200 * 2 + 800 * 0.5 + 100 * 8) / 1e6),
      prompt_cache_saved_usd: usd((800 * 1.5) / 1e6),
      answer_saved_usd: null,
    })
  }
  const greedy = { temperature: 0 }
  expect(await asked(server, greedy)).toMatchObject({ cache: 'miss', prompt_cache_saved_usd: usd(0.0012) })
  expect(await asked(server, greedy)).toMatchObject({
    cache: 'hit',
    cost_usd: 0,
    prompt_cache_saved_usd: null,
    answer_saved_usd: usd(0.0016),
  })
  for (const by of ['model', 'route']) {
    const { data } = (await (await server.get(`/admin/usage?by=${by}`)).json()) as { data: object[] }
    expect(data).toMatchObject([
      {
        group: by === 'route' ? 'r' : `up/${model}`,
        requests: 4,
        cached_tokens: 2400,
        kept_answers: 1,
        prompt_cache_saved_usd: usd(0.0036),
        answers_saved_usd: usd(0.0016),
        saved_unknown: 0,
      },
    ])
  }
  const { stdout } = await run(['usage'], { folder: temporaryFolder(), env: commandEnv(server) })
  expect(stdout).toContain('caches of prompts  $0.0036 saved: 2.4K tokens read from them, 0 written')
  expect(stdout).toContain('kept answers       $0.0016 saved: 1 given again')
  const { stdout: csv } = await run(['usage', '--csv'], { folder: temporaryFolder(), env: commandEnv(server) })
  expect(csv).toContain(',kept_answers,prompt_cache_saved_usd,answers_saved_usd,saved_unknown\r\n')
})

test('a cache that is written and never read is a loss', async () => {
  const written = {
    cache_creation_input_tokens: 8000,
    cache_read_input_tokens: 0,
    input_tokens: 100,
    output_tokens: 10,
  }
  const upstream = await startUpstream(() =>
    json({
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5-20250929',
      content: [{ type: 'text', text: 'Hi' }],
      stop_reason: 'end_turn',
      usage: written,
    }),
  )
  const anthropic = { baseUrl: upstream.url, key: 'k'.repeat(20) }
  const server = await startWithProviders({ anthropic })
  const body = { model: 'anthropic/claude-sonnet-4-5', max_tokens: 10, messages: question }
  expect((await server.post('/v1/messages', body)).status).toBe(200)
  expect((await ledgerOf(server))[0]).toMatchObject({
    cache_write_tokens: 8000,
    prompt_cache_saved_usd: usd((-8000 * 0.75) / 1e6),
  })
  const { stdout } = await run(['usage'], { folder: temporaryFolder(), env: commandEnv(server) })
  expect(stdout).toContain('caches of prompts  $0.006 lost: 0 tokens read from them, 8K written')
})
