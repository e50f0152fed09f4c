import { afterAll, beforeAll, expect, test } from 'vitest'
import { question, startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

async function metrics(): Promise<string> {
  const answer = await server.get('/metrics')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  return await answer.text()
}

/** The sum of all lines of a metric that hold a text. */
function sum(text: string, name: string, holding = ''): number {
  return text
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(holding))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
}

test('what clients were told is what metrics say', async () => {
  const asked = { model: 'loom-mini', messages: question, max_tokens: 12 }
  const whole = await server.client.chat.completions.create(asked)
  const options = { stream: true, stream_options: { include_usage: true } } as const
  const chunks = await Array.fromAsync(await server.client.chat.completions.create({ ...asked, ...options }))
  await server.post('/v1/chat/completions', { ...asked, model: 'nobody' })
  const text = await metrics()
  const usages = [whole.usage, chunks.at(-1)?.usage]
  const total = (of: 'prompt_tokens' | 'completion_tokens') =>
    usages.reduce((all, usage) => all + (usage?.[of] ?? 0), 0)
  expect(sum(text, 'inferloom_tokens_total', 'kind="input"')).toBe(total('prompt_tokens'))
  expect(sum(text, 'inferloom_tokens_total', 'kind="output"')).toBe(total('completion_tokens'))
  expect(sum(text, 'inferloom_requests_total', 'error_type=""')).toBe(2)
  expect(sum(text, 'inferloom_requests_total', 'error_type="model_not_found"')).toBe(1)
  expect(sum(text, 'gen_ai_server_time_to_first_token_seconds_count')).toBe(2)
  expect(sum(text, 'inferloom_inter_token_latency_seconds_count')).toBeGreaterThan(0)
  expect(sum(text, 'vllm:generation_tokens_total')).toBe(total('completion_tokens'))
  expect(sum(text, 'vllm:num_requests_running')).toBe(0)
  expect(sum(text, 'process_resident_memory_bytes')).toBeGreaterThan(20e6)
})

test('every line is as the format has it, and each metric is described once', async () => {
  const lines = (await metrics()).trimEnd().split('\n')
  const described = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2])
  expect(new Set(described).size).toBe(described.length)
  for (const line of lines) {
    expect(line).toMatch(/^(# (HELP|TYPE) [\w:]+ .+|[\w:]+(\{[^\n]*\})? [-+\w.]+)$/)
  }
})
