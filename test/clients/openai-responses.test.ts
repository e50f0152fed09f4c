// The Responses API as OpenAI's own client speaks it, against a running server with the built-in model.
import OpenAI, { APIError, APIUserAbortError, BadRequestError, NotFoundError } from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import type { FunctionTool, ResponseInputItem, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { engineOf, startTestServer, until, type TestServer } from '../server-fixture.ts'

let server: TestServer
let client: OpenAI
beforeAll(async () => {
  server = await startTestServer()
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server.close())

const greedy = { model: 'loom-mini', temperature: 0 }
const input = 'What is inference?'

const weather: FunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: null,
}
const inParis = 'What is the weather in Paris?'

describe('one answer', () => {
  test('comes whole, with every field of a response', async () => {
    const response = await client.responses.create({ ...greedy, input, metadata: { trip: '7' }, user: 'ann' })
    expect(response.output_text).toMatch(/^Inference is/)
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      instructions: null,
      model: 'loom-mini',
      parallel_tool_calls: true,
      previous_response_id: null,
      store: true,
      temperature: 0,
      tool_choice: 'auto',
      tools: [],
      truncation: 'disabled',
      text: { format: { type: 'text' } },
      metadata: { trip: '7' },
      user: 'ann',
      output: [{ type: 'message', role: 'assistant', status: 'completed' }],
    })
    expect(response.id).toMatch(/^resp_[0-9a-f]{32}$/)
    const { usage } = response
    expect(usage?.total_tokens).toBe((usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0))
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(0)
  })

  test('streams events in order that make up the whole one', async () => {
    const whole = await client.responses.create({ ...greedy, input })
    const stream = await client.responses.create({ ...greedy, input, stream: true })
    const events: ResponseStreamEvent[] = await Array.fromAsync(stream)
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at))
    const kinds = events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1])
    expect(kinds).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    const deltas = events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : []))
    expect(deltas.length).toBeGreaterThan(3)
    expect(deltas.join('')).toBe(whole.output_text)
    const last = events.at(-1)
    expect(last?.type === 'response.completed' && last.response.output).toMatchObject([
      { content: [{ text: whole.output_text }] },
    ])
  })

  test('says that it is not complete where it was cut', async () => {
    const response = await client.responses.create({ ...greedy, input, max_output_tokens: 3 })
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
      usage: { output_tokens: 3 },
    })
  })

  test('carries log probabilities where they were asked for', async () => {
    const asked = { include: ['message.output_text.logprobs' as const], top_logprobs: 2, max_output_tokens: 4 }
    const { output } = await client.responses.create({ ...greedy, input, ...asked })
    const part = output[0]?.type === 'message' ? output[0].content[0] : undefined
    if (part?.type !== 'output_text') throw new Error('no text')
    expect(part.logprobs).toHaveLength(4)
    for (const { top_logprobs: top, logprob } of part.logprobs ?? []) {
      expect(top).toHaveLength(2)
      expect(logprob).toBe(top[0]?.logprob)
    }
    expect(part.logprobs?.map(({ token }) => token).join('')).toBe(part.text)
  })

  test('takes the form that its schema describes, and is parsed', async () => {
    const format = zodTextFormat(z.object({ topic: z.string().max(30), level: z.enum(['easy', 'hard']) }), 'note')
    const asked = { ...greedy, input, text: { format }, max_output_tokens: 200 }
    const { output_parsed: parsed } = await client.responses.parse(asked)
    expect(parsed?.topic).toBeTypeOf('string')
    expect(['easy', 'hard']).toContain(parsed?.level)
  })

  test('follows instructions as it follows a system message', async () => {
    const { output_text: one } = await client.responses.create({ ...greedy, input, instructions: 'Be brief.' })
    const messages = [
      { role: 'developer' as const, content: 'Be brief.' },
      { role: 'user' as const, content: [{ type: 'input_text' as const, text: input }] },
    ]
    const { output_text: other } = await client.responses.create({ ...greedy, input: messages })
    const chat = await client.chat.completions.create({
      ...greedy,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: input },
      ],
    })
    expect(one).toBe(chat.choices[0]?.message.content)
    expect(other).toBe(one)
  })
})

describe('tools', () => {
  test('are called, and their results answered, with the items sent back as they came', async () => {
    const first = await client.responses.create({ ...greedy, input: inParis, tools: [weather] })
    const [call] = first.output
    expect(first.output).toHaveLength(1)
    if (call?.type !== 'function_call') throw new Error('no call')
    expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city": "Paris"}', status: 'completed' })
    const items: ResponseInputItem[] = [
      { role: 'user', content: inParis },
      call,
      { type: 'function_call_output', call_id: call.call_id, output: '{"temperature":20,"sky":"sunny"}' },
    ]
    const second = await client.responses.create({ ...greedy, input: items, tools: [weather], store: false })
    expect(second.output_text).toMatch(/\w/)
    const third = await client.responses.create({
      ...greedy,
      input: items.slice(2),
      previous_response_id: first.id,
      tools: [weather],
    })
    expect(third.output_text).toBe(second.output_text)
  })

  test('stream their arguments in pieces', async () => {
    const runner = client.responses.stream({ ...greedy, input: inParis, tools: [weather] })
    const pieces: string[] = []
    let done = ''
    runner.on('response.function_call_arguments.delta', ({ delta }) => pieces.push(delta))
    runner.on('response.function_call_arguments.done', (event) => (done = event.arguments))
    const final = await runner.finalResponse()
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.join('')).toBe(done)
    expect(final.output).toMatchObject([{ type: 'function_call', arguments: done }])
  })

  test('that take text in no form get the text alone', async () => {
    const tool = { type: 'custom' as const, name: 'note', description: 'Write a note' }
    const asked = { ...greedy, input, tools: [tool], tool_choice: 'required' as const, max_output_tokens: 120 }
    const whole = await client.responses.create({ ...asked, parallel_tool_calls: false })
    const call = whole.output[0]
    if (call?.type !== 'custom_tool_call') throw new Error('no call')
    expect(call.name).toBe('note')
    expect(call.input).not.toMatch(/^\s*\{/)
    const stream = await client.responses.create({ ...asked, parallel_tool_calls: false, stream: true })
    const events = await Array.fromAsync(stream)
    const pieces = events.flatMap((event) =>
      event.type === 'response.custom_tool_call_input.delta' ? [event.delta] : [],
    )
    expect(pieces.join('')).toBe(call.input)
  })

  test('may be narrowed to those that are allowed', async () => {
    const time: FunctionTool = { ...weather, name: 'get_time', description: 'Get the local time in a city' }
    const { output } = await client.responses.create({
      ...greedy,
      input: inParis,
      tools: [weather, time],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_time' }] },
      parallel_tool_calls: false,
    })
    expect(output).toMatchObject([{ type: 'function_call', name: 'get_time' }])
  })
})

describe('what was answered', () => {
  test('is continued as if the whole conversation had been sent', async () => {
    const first = await client.responses.create({ ...greedy, input, instructions: 'Be brief.' })
    const second = await client.responses.create({
      ...greedy,
      input: 'And why?',
      previous_response_id: first.id,
    })
    const sent = await client.responses.create({
      ...greedy,
      store: false,
      // The instructions of the first are not carried over.
      input: [
        { role: 'user', content: input },
        { role: 'assistant', content: first.output_text },
        { role: 'user', content: 'And why?' },
      ],
    })
    expect(second.output_text).toBe(sent.output_text)
    expect(second.usage?.input_tokens).toBe(sent.usage?.input_tokens)
    expect(second.previous_response_id).toBe(first.id)
  })

  test('is found again as it was, also after a stream', async () => {
    const first = await client.responses.create({ ...greedy, input })
    expect(await client.responses.retrieve(first.id)).toEqual(first)
    const runner = client.responses.stream({ ...greedy, input, previous_response_id: first.id })
    const second = await runner.finalResponse()
    const found = await client.responses.retrieve(second.id)
    expect(found.output_text).toBe(second.output_text)
    expect(found.usage).toEqual(second.usage)
  })

  test('can be referred to item by item', async () => {
    const first = await client.responses.create({ ...greedy, input })
    const [said] = first.output
    if (said?.id === undefined) throw new Error('no item')
    const next = { role: 'user' as const, content: 'And why?' }
    const asked = { ...greedy, store: false }
    const referred = await client.responses.create({
      ...asked,
      input: [{ role: 'user', content: input }, { type: 'item_reference', id: said.id }, next],
    })
    const sent = await client.responses.create({
      ...asked,
      input: [{ role: 'user', content: input }, said as ResponseInputItem, next],
    })
    expect(referred.output_text).toBe(sent.output_text)
    expect(referred.usage?.input_tokens).toBe(sent.usage?.input_tokens)
  })

  test('lists what the model was given, page by page', async () => {
    const first = await client.responses.create({ ...greedy, input })
    const asked = { ...greedy, input: 'And why?', previous_response_id: first.id }
    const second = await client.responses.create(asked)
    const items = await Array.fromAsync(client.responses.inputItems.list(second.id, { limit: 2, order: 'asc' }))
    expect(items.map((item) => (item.type === 'message' ? item.content[0] : undefined))).toMatchObject([
      { type: 'input_text', text: input },
      { type: 'output_text', text: first.output_text },
      { type: 'input_text', text: 'And why?' },
    ])
    expect(new Set(items.map((item) => item.id)).size).toBe(3)
    const latest = await client.responses.inputItems.list(second.id, { limit: 1 })
    expect(latest.data).toMatchObject([{ content: [{ text: 'And why?' }] }])
  })

  test('is gone once it is deleted, and cannot be continued', async () => {
    const first = await client.responses.create({ ...greedy, input, max_output_tokens: 3 })
    await client.responses.delete(first.id)
    await expect(client.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError)
    await expect(client.responses.delete(first.id)).rejects.toBeInstanceOf(NotFoundError)
    const next = client.responses.create({ ...greedy, input, previous_response_id: first.id })
    await expect(next).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
  })

  test('is not kept with store false', async () => {
    const first = await client.responses.create({ ...greedy, input, max_output_tokens: 3, store: false })
    expect(first).toMatchObject({ store: false })
    await expect(client.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError)
  })

  test('cannot be cancelled, because nothing is made in the background', async () => {
    const first = await client.responses.create({ ...greedy, input, max_output_tokens: 3 })
    await expect(client.responses.cancel(first.id)).rejects.toBeInstanceOf(BadRequestError)
    await expect(client.responses.cancel('resp_none')).rejects.toBeInstanceOf(NotFoundError)
  })

  test('is there for the key it was made with, and for no other', async () => {
    const keys = ['first-key-of-sixteen', 'second-key-of-sixteen']
    const own = await startTestServer({ INFERLOOM_KEYS: keys.join(',') })
    onTestFinished(() => own.close())
    const [ann, bob] = keys.map((apiKey) => new OpenAI({ baseURL: `${own.url}/v1`, apiKey, maxRetries: 0 }))
    if (!ann || !bob) throw new Error('no clients')
    const { id, output } = await ann.responses.create({ ...greedy, input, max_output_tokens: 3 })
    expect((await ann.responses.retrieve(id)).id).toBe(id)
    await expect(bob.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError)
    await expect(bob.responses.delete(id)).rejects.toBeInstanceOf(NotFoundError)
    await expect(bob.responses.inputItems.list(id)).rejects.toBeInstanceOf(NotFoundError)
    const next = bob.responses.create({ ...greedy, input, previous_response_id: id })
    await expect(next).rejects.toMatchObject({ code: 'previous_response_not_found' })
    const reference = { type: 'item_reference' as const, id: output[0]?.id ?? '' }
    await expect(bob.responses.create({ ...greedy, input: [reference] })).rejects.toBeInstanceOf(BadRequestError)
    expect((await ann.responses.retrieve(id)).id).toBe(id)
  })

  test('is not kept at all where that is switched off', async () => {
    const forgetful = await startTestServer({ INFERLOOM_RESPONSES_STORE: 'false' })
    onTestFinished(() => forgetful.close())
    const first = await forgetful.client.responses.create({ ...greedy, input, max_output_tokens: 3 })
    expect(first).toMatchObject({ store: false })
    await expect(forgetful.client.responses.retrieve(first.id)).rejects.toThrow('responses.store is off')
  })
})

describe('what goes wrong', () => {
  test.each([
    [{ tools: [{ type: 'file_search' }] }, 'unsupported_parameter', 'tools[0].type'],
    [{ background: true }, 'unsupported_parameter', 'background'],
    [{ conversation: 'conv_1' }, 'unsupported_parameter', 'conversation'],
    [{ truncation: 'auto' }, 'unsupported_parameter', 'truncation'],
    [{ input: [{ type: 'file_search_call', id: 'fs_1' }] }, 'unsupported_parameter', 'input[0].type'],
    [{ tools: [{ type: 'function' }] }, 'missing_parameter', 'tools[0].name'],
    [{ reasoning: { effort: 'huge' } }, 'invalid_value', 'reasoning.effort'],
    [{ input: [] }, 'missing_parameter', 'input'],
    [{ messages: [] }, 'unsupported_parameter', 'messages'],
    [{ tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [{ input: [{ type: 'function_call_output', call_id: 'x', output: '' }] }, 'invalid_value', 'input[0].call_id'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] },
      'unsupported_parameter',
      'input[0].content[0].file_id',
    ],
    [{ max_output_tokens: null, model: 'none' }, 'model_not_found', 'model'],
  ])('%j is refused by name', async (change, code, param) => {
    const asked = client.responses.create({ ...greedy, input, ...change } as never)
    await expect(asked).rejects.toMatchObject({ code, param })
  })

  test.each([
    ['?stream=true', 'unsupported_parameter', 'stream'],
    ['/input_items?limit=0', 'invalid_value', 'limit'],
    ['/input_items?order=up', 'invalid_value', 'order'],
    ['/input_items?after=msg_none', 'invalid_value', 'after'],
  ])('a kept answer asked for with %s is refused by name', async (query, code, param) => {
    const { id } = await client.responses.create({ ...greedy, input, max_output_tokens: 3 })
    const reply = await server.get(`/v1/responses/${id}${query}`)
    expect(reply.status).toBe(400)
    expect(await reply.json()).toMatchObject({ error: { code, param } })
  })

  test('what nests too deep is refused, not fatal', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
    for (const field of [
      `"tool_choice":{"type":"function","name":"x","y":${deep}}`,
      `"tools":[{"type":"function","name":"x","parameters":${deep}}]`,
      `"input":[{"role":"assistant","content":[{"type":"output_text","text":"a","logprobs":[${deep}]}]}]`,
      `"metadata":${deep}`,
    ]) {
      const reply = await server.post('/v1/responses', `{"model":"loom-mini","input":"a",${field}}`)
      expect(reply.status).toBe(400)
    }
  })

  test('an image is refused by a model that reads text, not dropped', async () => {
    const content = [{ type: 'input_image' as const, image_url: 'data:image/png;base64,AA==', detail: 'auto' as const }]
    const asked = client.responses.create({ ...greedy, input: [{ role: 'user', content }] })
    await expect(asked).rejects.toBeInstanceOf(APIError)
  })

  test('a stream that the client leaves frees what it held, and is not kept', async () => {
    const leave = async () => {
      const stream = await client.responses.create({ ...greedy, input, stream: true, temperature: 2 })
      let id = ''
      const read = async () => {
        for await (const event of stream) {
          if (event.type === 'response.created') id = event.response.id
          if (event.type === 'response.output_text.delta') stream.controller.abort()
        }
      }
      await read().catch((error: unknown) => expect(error).toBeInstanceOf(APIUserAbortError))
      await until('nothing runs', async () => (await engineOf(server)).outstanding === 0)
      const { data } = (await (await server.get('/admin/requests?limit=1')).json()) as { data: { status: number }[] }
      return { id, status: data[0]?.status }
    }
    // An answer may be over before its client has left, and is kept then.
    let left = await leave()
    for (let attempt = 1; left.status === 200 && attempt < 10; attempt++) left = await leave()
    expect(left.status).toBe(499)
    await expect(client.responses.retrieve(left.id)).rejects.toBeInstanceOf(NotFoundError)
  })
})

test('what Codex sends is answered: tools, encrypted thoughts, a cache key, and nothing kept', async () => {
  const stream = await client.responses.create({
    model: 'loom-mini',
    instructions: 'You are a coding agent.',
    input: [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: '<permissions/>' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: inParis }] },
    ],
    tools: [
      {
        type: 'function',
        name: 'shell',
        description: 'Runs a shell command',
        strict: false,
        parameters: {
          type: 'object',
          properties: { command: { type: 'array', items: { type: 'string' } }, timeout_ms: { type: 'number' } },
          required: ['command'],
          additionalProperties: false,
        },
      },
      { type: 'custom', name: 'apply_patch', description: 'Edits files', format: { type: 'text' } },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { summary: 'auto' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: '0199a213-81c0-7800-8aa1-bbab2a035a53',
    max_output_tokens: 40,
  })
  const events = await Array.fromAsync(stream)
  const last = events.at(-1)
  expect(['response.completed', 'response.incomplete']).toContain(last?.type)
  expect(last && 'response' in last && last.response).toMatchObject({
    store: false,
    prompt_cache_key: '0199a213-81c0-7800-8aa1-bbab2a035a53',
    reasoning: { effort: null, summary: 'auto' },
  })
})
