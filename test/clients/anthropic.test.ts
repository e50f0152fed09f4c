// The Messages API as Anthropic's own client speaks it, against a running server with the built-in model.
import Anthropic, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ContentTooLargeError,
  NotFoundError,
} from '@anthropic-ai/sdk'
import type { MessageParam, RawMessageStreamEvent, Tool } from '@anthropic-ai/sdk/resources/messages'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'

let server: TestServer
let client: Anthropic
beforeAll(async () => {
  server = await startTestServer()
  client = clientOf(server)
})
afterAll(() => server.close())

function clientOf({ url }: TestServer, apiKey = 'none'): Anthropic {
  return new Anthropic({ baseURL: url, apiKey, maxRetries: 0, timeout: 60_000 })
}

const messages: MessageParam[] = [{ role: 'user', content: 'What is inference?' }]
const greedy = { model: 'loom-mini', temperature: 0, max_tokens: 60 }

const tools: Tool[] = [
  {
    name: 'get_weather',
    description: 'Get the weather in a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]
const inParis: MessageParam[] = [{ role: 'user', content: 'What is the weather in Paris?' }]

function rejected(promise: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(promise).then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error,
  )
}

describe('one message', () => {
  test('comes whole', async () => {
    const message = await client.messages.create({ ...greedy, messages, system: 'Be brief.' })
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'loom-mini',
      content: [{ type: 'text' }],
      stop_sequence: null,
      usage: { cache_creation_input_tokens: 0, service_tier: 'standard' },
    })
    expect(message.id).toMatch(/^msg_[0-9a-f]{32}$/)
    expect(message.usage.output_tokens).toBeGreaterThan(0)
  })

  test('streams into the same', async () => {
    const whole = await client.messages.create({ ...greedy, messages })
    const stream = client.messages.stream({ ...greedy, messages })
    const texts: string[] = []
    stream.on('text', (text) => texts.push(text))
    const streamed = await stream.finalMessage()
    expect(streamed.content).toEqual(whole.content)
    expect(streamed.stop_reason).toBe(whole.stop_reason)
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens)
    expect(texts.length).toBeGreaterThan(2)
    expect(texts.join('')).toBe(await stream.finalText())
  })

  test('has the order of events that the documentation gives', async () => {
    const events: RawMessageStreamEvent[] = []
    for await (const event of await client.messages.create({ ...greedy, messages, stream: true })) events.push(event)
    const kinds = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])
    expect(kinds).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  test('ends at max_tokens', async () => {
    const { stop_reason, usage } = await client.messages.create({ ...greedy, messages, max_tokens: 3 })
    expect(stop_reason).toBe('max_tokens')
    expect(usage.output_tokens).toBe(3)
  })

  test('has the form of its schema', async () => {
    const schema = {
      type: 'object',
      properties: { word: { type: 'string', maxLength: 8 } },
      required: ['word'],
      additionalProperties: false,
    }
    const { content } = await client.messages.create({
      ...greedy,
      messages,
      output_config: { format: { type: 'json_schema', schema } },
    })
    const [block] = content
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toEqual({ word: expect.any(String) })
  })
})

describe('tools', () => {
  test('are called, and their results read, until there is an answer', async () => {
    const conversation = [...inParis]
    const asked: unknown[] = []
    for (;;) {
      const message = await client.messages.create({ ...greedy, messages: conversation, tools })
      conversation.push({ role: 'assistant', content: message.content })
      if (message.stop_reason !== 'tool_use') break
      const results = message.content.flatMap((block) => {
        if (block.type !== 'tool_use') return []
        asked.push({ name: block.name, input: block.input })
        return [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'Sunny, 21 degrees' }]
      })
      conversation.push({ role: 'user', content: results })
      expect(conversation.length).toBeLessThan(8)
    }
    expect(asked[0]).toEqual({ name: 'get_weather', input: { city: 'Paris' } })
    expect(JSON.stringify(conversation.at(-1))).toMatch(/"type":"text"/)
  })

  test('are streamed with their input in pieces', async () => {
    const stream = client.messages.stream({ ...greedy, messages: inParis, tools, tool_choice: { type: 'any' } })
    const pieces: string[] = []
    stream.on('inputJson', (piece) => pieces.push(piece))
    const message = await stream.finalMessage()
    expect(message.stop_reason).toBe('tool_use')
    const call = message.content.find((block) => block.type === 'tool_use')
    expect(JSON.parse(pieces.join(''))).toEqual(call?.input)
  })

  test('of Anthropic are refused by name', async () => {
    const search = { type: 'web_search_20250305' as const, name: 'web_search' as const }
    const error = await rejected(client.messages.create({ ...greedy, messages, tools: [search] }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ type: 'invalid_request_error' })
    expect((error as BadRequestError).apiMessage).toContain('tools[0].type = "web_search_20250305"')
  })
})

describe('counting tokens', () => {
  test('gives what the same prompt then takes', async () => {
    const prompt = { model: 'loom-mini', messages: inParis, tools, system: 'Be brief.' }
    const { data, response } = await client.messages.countTokens(prompt).withResponse()
    const { usage } = await client.messages.create({ ...greedy, ...prompt })
    expect(data.input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0))
    expect(response.headers.get('x-inferloom-token-count')).toBe('exact')
  })

  test('needs messages, and a model that there is', async () => {
    expect(await rejected(client.messages.countTokens({ model: 'loom-mini', messages: [] }))).toBeInstanceOf(
      BadRequestError,
    )
    expect(await rejected(client.messages.countTokens({ model: 'gpt-9', messages }))).toBeInstanceOf(NotFoundError)
  })
})

test('models are listed in the shape of the wire', async () => {
  const page = await client.models.list()
  expect(page.data).toMatchObject([
    { type: 'model', id: 'loom-mini', display_name: 'loom-mini' },
    { type: 'model', id: 'loom-nano', display_name: 'loom-nano' },
    { type: 'model', id: 'loom-embed', display_name: 'loom-embed' },
  ])
  expect(Date.parse(page.data[0]?.created_at ?? '')).toBeGreaterThan(0)
  expect(page.has_more).toBe(false)
  expect(await client.models.retrieve('loom-mini')).toEqual(page.data[0])
  expect(await (await server.get('/v1/models')).json()).toMatchObject({ object: 'list' })
})

test('a stream that is aborted frees its place', async () => {
  const schema = { type: 'object', properties: { text: { type: 'string', minLength: 2000 } }, required: ['text'] }
  const format = { type: 'json_schema' as const, schema }
  const stream = client.messages.stream({ ...greedy, messages, max_tokens: 400, output_config: { format } })
  const ended = rejected(stream.finalMessage())
  await Promise.race([ended, new Promise<void>((resolve) => stream.once('text', () => resolve()))])
  stream.abort()
  expect(await ended).toBeInstanceOf(APIUserAbortError)
  await until('the engine is idle', async () => (await engineOf(server)).outstanding === 0)
})

describe('errors', () => {
  test.each([
    [{ model: 'gpt-9' }, NotFoundError, 'not_found_error'],
    [{ temperature: 2 }, BadRequestError, 'invalid_request_error'],
    [{ max_tokens: -1 }, BadRequestError, 'invalid_request_error'],
    [{ messages: [] }, BadRequestError, 'invalid_request_error'],
  ])('%j', async (change, kind, type) => {
    const error = await rejected(client.messages.create({ ...greedy, messages, ...change }))
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ type, error: { type: 'error', request_id: expect.stringMatching(/^[0-9a-f]{32}$/) } })
  })

  test('of keys and sizes have their own classes', async () => {
    const guarded = await startTestServer({ INFERLOOM_KEYS: 'a-key-of-some-length', INFERLOOM_BODY_LIMIT_MB: '0.01' })
    onTestFinished(() => guarded.close())
    const stranger = await rejected(clientOf(guarded, 'wrong').messages.create({ ...greedy, messages }))
    expect(stranger).toBeInstanceOf(AuthenticationError)
    const known = clientOf(guarded, 'a-key-of-some-length')
    expect((await known.messages.create({ ...greedy, messages })).type).toBe('message')
    const huge: MessageParam[] = [{ role: 'user', content: 'x'.repeat(20_000) }]
    expect(await rejected(known.messages.create({ ...greedy, messages: huge }))).toBeInstanceOf(ContentTooLargeError)
  })
})
