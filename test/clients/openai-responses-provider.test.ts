// The Responses API before a provider that speaks it: requests are passed on, unless they refer to what is kept here.
import OpenAI, { APIError } from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTestServer } from '../server-fixture.ts'
import { json, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

type Fields = Record<string, unknown>

async function before(answer: (body: Fields, path: string) => UpstreamAnswer) {
  const upstream = await startUpstream(({ body, path }) => answer(JSON.parse(body) as Fields, path))
  const server = await startTestServer({ OPENAI_API_KEY: 'sk-of-the-server', OPENAI_BASE_URL: upstream.url })
  onTestFinished(() => server.close())
  return { upstream, client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }) }
}

/** As OpenAI frames it. */
const named = (events: readonly Fields[]): UpstreamAnswer => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.map((event) => `event: ${event['type'] as string}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
})

const theirs = `resp_${'a'.repeat(48)}`
const usage = { input_tokens: 3, output_tokens: 2, total_tokens: 5 }
const message = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
}
const finished = { id: theirs, object: 'response', status: 'completed', output: [message], usage, unknown_field: 7 }
const begun = [
  { type: 'response.created', sequence_number: 0, response: { ...finished, status: 'in_progress', output: [] } },
  { type: 'response.output_item.added', sequence_number: 1, output_index: 0, item: { ...message, content: [] } },
  { type: 'response.output_text.delta', sequence_number: 2, output_index: 0, content_index: 0, delta: 'Hello' },
]

describe('a request that the provider can answer itself', () => {
  const asked = {
    model: 'openai/gpt-x',
    input: 'Hi',
    previous_response_id: theirs,
    tools: [{ type: 'web_search' as const }],
  }

  test('goes to it as it came, with hosted tools and what the provider keeps, and so does the answer', async () => {
    const { upstream, client } = await before(() => json(finished))
    const response = await client.responses.create(asked)
    expect(upstream.asked[0]?.path).toBe('/responses')
    expect(upstream.body()).toEqual({ ...asked, model: 'gpt-x' })
    expect(response).toMatchObject(finished)
    expect(response.output_text).toBe('Hello')
  })

  test('is streamed event by event', async () => {
    const events = [...begun, { type: 'response.completed', sequence_number: 3, response: finished }]
    const { client } = await before(() => named(events))
    const stream = await client.responses.create({ ...asked, stream: true })
    const [last, ...others] = (await Array.fromAsync(stream)).toReversed()
    expect(others.toReversed()).toEqual(begun)
    // The stub of a model has no price.
    const response = { ...finished, usage: { ...usage, cost: 'unknown' } }
    expect(last).toEqual({ type: 'response.completed', sequence_number: 3, response })
  })

  test('is told by an error that its stream broke off', async () => {
    const { client } = await before(() => named(begun))
    const stream = await client.responses.create({ ...asked, stream: true })
    const seen: string[] = []
    const read = async () => {
      for await (const { type } of stream) seen.push(type)
    }
    await expect(read()).rejects.toBeInstanceOf(APIError)
    expect(seen).toContain('response.output_text.delta')
  })
})

test('a conversation that is kept here goes on at a provider, with all that was said', async () => {
  const { upstream, client } = await before((_, path) =>
    path === '/responses'
      ? named([...begun, { type: 'response.completed', sequence_number: 3, response: finished }])
      : json({ choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] }),
  )
  const first = await client.responses.create({ model: 'loom-mini', input: 'What is inference?', temperature: 0 })
  const next = { model: 'openai/gpt-x', input: 'And why?', previous_response_id: first.id }
  const second = await client.responses.create(next)
  expect(second.output_text).toBe('Hello')
  expect(upstream.body()).toMatchObject({
    model: 'gpt-x',
    messages: [
      { role: 'user', content: 'What is inference?' },
      { role: 'assistant', content: first.output_text },
      { role: 'user', content: 'And why?' },
    ],
  })
  // Where thoughts are to be shown it is asked on its newer wire, and keeps nothing there: it is kept here.
  const third = await client.responses.create({
    ...next,
    previous_response_id: second.id,
    reasoning: { summary: 'auto' },
  })
  expect(upstream.body()).toMatchObject({ store: false, reasoning: { summary: 'auto' } })
  expect(upstream.body()['input']).toHaveLength(5)
  expect((await client.responses.retrieve(third.id)).output_text).toBe('Hello')
})
