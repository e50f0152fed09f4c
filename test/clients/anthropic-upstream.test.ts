// Anthropic's own client, before a server that asks a provider: one of Anthropic's wire, passed on or translated, and one
// of another wire.
import Anthropic, { APIError, RateLimitError, ServiceUnavailableError } from '@anthropic-ai/sdk'
import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { recordedReplies, recordedStreams } from '../recordings.ts'
import { until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

const model = 'anthropic/claude-sonnet-4-5'
const messages: MessageParam[] = [{ role: 'user', content: 'Hi' }]
/** Nobody sealed these thoughts, so that the conversation cannot be passed on as it stands. */
const translated: MessageParam[] = [
  { role: 'user', content: 'Hi' },
  {
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: '' },
      { type: 'text', text: 'Yes?' },
    ],
  },
  { role: 'user', content: 'Go on.' },
]
const ways = [
  ['passed on', messages],
  ['translated', translated],
] as const

/** As Anthropic frames its streams. */
function events(payloads: readonly string[]): UpstreamAnswer {
  const body = payloads.map((data) => `event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`)
  return { headers: { 'content-type': 'text/event-stream', 'request-id': 'req_9' }, body: body.join('') }
}

const hello = [
  {
    type: 'message_start',
    message: {
      id: 'msg_up',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5',
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'stop_sequence', stop_sequence: '!' }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
].map((event) => JSON.stringify(event))

async function before(answer: Parameters<typeof startUpstream>[0]) {
  const upstream = await startUpstream((request) =>
    request.path.startsWith('/v1/models') ? json({ data: [], has_more: false }) : answer(request),
  )
  const server = await startWithProviders({ anthropic: { keys: ['sk-test'], baseUrl: upstream.url } })
  return {
    server,
    client: clientOf(server),
    asked: () => upstream.asked.filter(({ path }) => !path.startsWith('/v1/models')),
  }
}

function clientOf({ url }: TestServer): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0, timeout: 30_000 })
}

/** The part of a message that both sides must agree on. */
function said({ content, stop_reason, stop_sequence, stop_details, usage }: Partial<Message>) {
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage ?? {}
  return {
    content,
    stop_reason,
    stop_sequence: stop_sequence ?? null,
    stop_details: stop_details ?? null,
    usage: {
      input_tokens,
      output_tokens,
      cache_read_input_tokens: cache_read_input_tokens ?? 0,
      cache_creation_input_tokens: cache_creation_input_tokens ?? 0,
    },
  }
}

test.each(ways)('a stream that is %s', async (way, conversation) => {
  const { client, asked, server } = await before(() => events(hello))
  const stream = client.messages.stream(
    { model, max_tokens: 50, messages: conversation, stop_sequences: ['!'] },
    { headers: { 'anthropic-beta': 'some-beta' } },
  )
  const message = await stream.finalMessage()
  expect(stream.request_id).toMatch(/^[0-9a-f]{32}$/)
  expect(said(message)).toMatchObject({
    content: [{ type: 'text', text: 'Hello' }],
    stop_reason: 'stop_sequence',
    stop_sequence: '!',
    usage: { input_tokens: 5, output_tokens: 3 },
  })
  const [request] = asked()
  expect(request).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': 'sk-test' } })
  // What is translated is of the version that we know, whatever the client knows.
  const { 'anthropic-version': version, 'anthropic-beta': beta } = request?.headers ?? {}
  if (way === 'translated') expect({ version, beta }).toEqual({ version: '2023-06-01', beta: undefined })
  else expect({ version, beta }).toEqual({ version: expect.stringMatching(/^20\d\d-/), beta: 'some-beta' })
  expect(JSON.parse(request?.body ?? '')).toMatchObject({
    model: 'claude-sonnet-4-5',
    max_tokens: 50,
    stop_sequences: ['!'],
  })
  await until('it is in the ledger', async () => (await ledgerOf(server)).length === 1)
})

describe('an error', () => {
  const error = (type: string) => ({ type: 'error', error: { type, message: 'Not now.' } })

  test.each(ways)('before anything else, %s', async (_, conversation) => {
    const { client } = await before(() => json(error('rate_limit_error'), 429, { 'retry-after': '77' }))
    const thrown = await client.messages
      .create({ model, max_tokens: 9, messages: conversation })
      .catch((e: unknown) => e)
    expect(thrown).toBeInstanceOf(RateLimitError)
    expect(thrown).toMatchObject({ type: 'rate_limit_error' })
    expect(thrown instanceof APIError && thrown.headers?.get('retry-after')).toBe('77')
  })

  test('of too much load', async () => {
    const { client } = await before(() => json(error('overloaded_error'), 529))
    const thrown = await client.messages.create({ model, max_tokens: 9, messages }).catch((e: unknown) => e)
    expect(thrown).toBeInstanceOf(ServiceUnavailableError)
    expect(thrown).toMatchObject({ type: 'overloaded_error' })
  })

  test.each(ways)('in the middle of a stream, %s', async (_, conversation) => {
    const { client } = await before(() => events([...hello.slice(0, 3), JSON.stringify(error('overloaded_error'))]))
    const stream = client.messages.stream({ model, max_tokens: 9, messages: conversation })
    const texts: string[] = []
    stream.on('text', (text) => texts.push(text))
    await expect(stream.finalMessage()).rejects.toMatchObject({ type: 'overloaded_error' })
    expect(texts).toEqual(['Hello'])
  })
})

test('tokens are counted by the provider, which calls it an estimate', async () => {
  const { client, asked } = await before(() => json({ input_tokens: 42 }))
  const counting = client.messages.countTokens({ model, messages, system: 'Be brief.' })
  const { data, response } = await counting.withResponse()
  expect(data).toEqual({ input_tokens: 42 })
  expect(response.headers.get('x-inferloom-token-count')).toBe('estimate')
  expect(asked()[0]?.path).toBe('/v1/messages/count_tokens')
  expect(JSON.parse(asked()[0]?.body ?? '')).toEqual({
    model: 'claude-sonnet-4-5',
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  })
})

test('the provider’s models are listed, and asked for by their short names', async () => {
  const upstream = await startUpstream(({ path }) =>
    path.startsWith('/v1/models')
      ? json({ data: [{ type: 'model', id: 'claude-x', created_at: '2026-01-01T00:00:00Z', max_input_tokens: 9000 }] })
      : events(hello),
  )
  const server = await startWithProviders({ anthropic: { keys: ['sk-test'], baseUrl: upstream.url } })
  const client = clientOf(server)
  await until('the list is read', async () => (await client.models.list()).data.length === 1)
  expect((await client.models.list()).data[0]).toMatchObject({
    id: 'anthropic/claude-x',
    created_at: '2026-01-01T00:00:00.000Z',
    max_input_tokens: 9000,
  })
  const message = await client.messages.stream({ model: 'claude-x', max_tokens: 9, messages }).finalMessage()
  expect(message.content).toMatchObject([{ text: 'Hello' }])
})

test('a provider of another wire answers too, and its tokens are estimated', async () => {
  const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' }] }
  const upstream = await startUpstream(() => sse([JSON.stringify(chunk), '[DONE]']))
  const server = await startWithProviders({ openai: { keys: ['k'], baseUrl: upstream.url } })
  const client = clientOf(server)
  const asking = { model: 'openai/gpt-x', messages: translated }
  const message = await client.messages.create({ ...asking, max_tokens: 9 })
  expect(message).toMatchObject({ content: [{ type: 'text', text: 'Hello' }], stop_reason: 'end_turn' })
  const { data, response } = await client.messages.countTokens(asking).withResponse()
  expect(data.input_tokens).toBeGreaterThan(3)
  expect(response.headers.get('x-inferloom-token-count')).toBe('estimate')
})

const streams = recordedStreams('anthropic').map(({ name, chunks }) => [name, chunks] as const)
const replies = recordedReplies('anthropic').map(({ name, body }) => [name, body as Message] as const)

/** What the client makes of the very same events without anybody between. */
async function directly(chunks: readonly string[]): Promise<Message> {
  const { url } = await startUpstream(() => events(chunks))
  const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })
  return client.messages.stream({ model, max_tokens: 9, messages }).finalMessage()
}

describe.skipIf(streams.length === 0)('what was recorded reaches the client unchanged', () => {
  test.each(streams)('%s, passed on and translated, however its bytes are cut', async (_, chunks) => {
    const expected = said(await directly(chunks))
    let cut: readonly number[] = [1]
    const { client } = await before(() => ({ ...events(chunks), cut }))
    for (const sizes of fc.sample(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }), 3)) {
      cut = sizes
      for (const [, conversation] of ways) {
        const stream = client.messages.stream({ model, max_tokens: 9, messages: conversation })
        expect(said(await stream.finalMessage()), `cut into ${sizes.join(', ')}`).toEqual(expected)
      }
    }
  })

  test.each(replies)('%s, whole', async (_, body) => {
    const { client } = await before(() => json(body))
    for (const [, conversation] of ways) {
      const message = await client.messages.create({ model, max_tokens: 9, messages: conversation })
      expect(said(message)).toEqual(said(body))
    }
  })
})
