// Requests as Codex sends them to a model that it does not know, against a running server with the built-in model:
// https://github.com/openai/codex/blob/main/codex-rs/tools/src/tool_spec.rs
import OpenAI from 'openai'
import type { ResponseInputItem, ResponseStreamEvent, Tool } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../server-fixture.ts'

let server: TestServer
let client: OpenAI
beforeAll(async () => {
  server = await startTestServer()
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server.close())

const city = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
/** Functions of its own, those of an MCP server, and what it hopes that the provider runs. */
const tools = [
  { type: 'function', name: 'update_plan', description: 'Updates the plan', strict: false, parameters: city },
  {
    type: 'namespace',
    name: 'mcp__weather',
    description: 'Tools in the mcp__weather namespace.',
    tools: [{ type: 'function', name: 'get_weather', description: 'Get the weather', strict: false, parameters: city }],
  },
  { type: 'web_search', external_web_access: false },
] as unknown as Tool[]

const asked = (input: ResponseInputItem[]) => ({
  model: 'loom-mini',
  instructions: 'You are a coding agent.',
  input,
  tools,
  tool_choice: 'auto' as const,
  parallel_tool_calls: false,
  reasoning: { summary: 'auto' as const },
  store: false,
  stream: true as const,
  include: ['reasoning.encrypted_content' as const],
  prompt_cache_key: '019f5f4e-ed9f-70d3-b218-db900fe2ea92',
  client_metadata: { 'x-codex-installation-id': '019f5f4e' },
})

const question: ResponseInputItem[] = [
  { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Sandbox: read-only.' }] },
  { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is the weather in Paris?' }] },
]

async function answered(input: ResponseInputItem[], choice: object = {}) {
  const { data, response } = await client.responses.create({ ...asked(input), ...choice }).withResponse()
  const events: ResponseStreamEvent[] = await Array.fromAsync(data)
  const last = events.at(-1)
  if (last?.type !== 'response.completed') throw new Error(`ended with ${last?.type ?? 'nothing'}`)
  return {
    output: last.response.output,
    shown: last.response.tools,
    leftOut: response.headers.get('x-inferloom-left-out'),
  }
}

test('an answer comes without the search that nobody runs here, and says so', async () => {
  const { output, shown, leftOut } = await answered(question)
  expect(output.length).toBeGreaterThan(0)
  expect(leftOut).toBe('tools[2].type=web_search')
  expect(shown.map(({ type }) => type)).toEqual(['function', 'namespace'])
})

test('a function of an MCP server is called by its name in its namespace, and its result is answered', async () => {
  const { output } = await answered(question, { tool_choice: { type: 'function', name: 'get_weather' } })
  const call = output.find((item) => item.type === 'function_call')
  expect(call).toMatchObject({ name: 'get_weather', namespace: 'mcp__weather' })
  if (!call) throw new Error('no call')
  const result = { type: 'function_call_output' as const, call_id: call.call_id, output: '{"sky":"sunny"}' }
  const second = await answered([...question, call, result], { tool_choice: 'none' })
  expect(second.output).toMatchObject([{ type: 'message', status: 'completed' }])
})
