import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import type { Message } from '../../canonical/request.ts'
import { openaiResponses } from './parse.ts'

type Fields = Record<string, unknown>

const address = { model: 'm', stream: false }
const usage = { inputTokens: { total: 1, cacheRead: 0 }, outputTokens: { total: 1, reasoning: 0 } }
const parse = (change: Fields) => openaiResponses().parse({ model: 'm', ...change }, address)
function messagesOf(input: unknown, change: Fields = {}): readonly Message[] {
  const { request } = parse({ input, ...change })
  if (request.input.kind !== 'chat') throw new Error('no conversation')
  return request.input.messages
}
const outputOf = (events: readonly StreamEvent[], change: Fields = {}) => {
  const whole = parse({ input: 'x', ...change })
    .writer('0'.repeat(32))
    .whole([...events, { type: 'finish', usage }])
  return (JSON.parse(whole) as { output: Fields[] }).output
}

const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'weather', arguments: '{}' })
const result = (id: string) => ({ type: 'function_call_output', call_id: id, output: 'sunny' })
const called = (id: string) => ({ id, name: 'weather', arguments: '{}' })

describe('items', () => {
  test('of one turn are one message, and the results follow all of its calls', () => {
    const messages = messagesOf([
      { role: 'user', content: 'Hi' },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'I look.', annotations: [] }] },
      call('a'),
      call('b'),
      result('b'),
      result('a'),
    ])
    expect(messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'I look.', reasoning: 'Hm.', toolCalls: [called('a'), called('b')] },
      { role: 'tool', content: 'sunny', toolCallId: 'b' },
      { role: 'tool', content: 'sunny', toolCallId: 'a' },
    ])
  })

  test('of two answers in a row are two messages, each with its own thoughts', () => {
    const thought = (text: string) => ({
      type: 'reasoning',
      id: 'rs',
      summary: [],
      content: [{ type: 'reasoning_text', text }],
    })
    const said = (content: string) => ({ role: 'assistant', content, phase: 'commentary' })
    expect(messagesOf([thought('A'), said('a'), thought('B'), said('b')])).toEqual([
      { role: 'assistant', content: 'a', reasoning: 'A' },
      { role: 'assistant', content: 'b', reasoning: 'B' },
    ])
  })

  test('keep images, files and where a prompt ends that comes again', () => {
    const content = [
      { type: 'input_text', text: 'Look', prompt_cache_breakpoint: { mode: 'explicit' } },
      { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'high', file_id: null },
      { type: 'input_file', file_data: 'AA==', filename: 'a.pdf' },
      { type: 'input_file', file_url: 'https://example.com/a.pdf' },
    ]
    expect(messagesOf([{ role: 'user', content }])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look', cache: {} },
          { type: 'image', url: 'https://example.com/a.png', detail: 'high' },
          { type: 'file', url: 'data:application/pdf;base64,AA==', name: 'a.pdf' },
          { type: 'file', url: 'https://example.com/a.pdf' },
        ],
      },
    ])
  })

  test.each([
    [[{ type: 'reasoning', summary: [], encrypted_content: 'inferloom.bm8' }], 'input[0].encrypted_content'],
    [[{ role: 'user', content: 'a\ud800' }], 'input[0].content'],
    [[{ role: 'nobody', content: 'a' }], 'input[0].role'],
    [[{ role: 'user', content: [{ type: 'input_file' }] }], 'input[0].content[0].file_data'],
    [[{ type: 'item_reference', id: 'msg_1' }], 'input[0].id'],
    [[7], 'input[0]'],
    [7, 'input'],
  ])('%j is refused by name', (input, param) => {
    expect(() => messagesOf(input)).toThrow(expect.objectContaining({ param }))
  })
})

describe('thoughts', () => {
  const choiceIndex = 0
  const seals = {
    signature: { wire: 'anthropic-messages', value: 'signed' },
    encrypted: { wire: 'openai-responses', value: 'gAAA' },
  }

  test.each<[string, StreamEvent[]]>([
    ['signed', [{ type: 'reasoning-end', choiceIndex, signature: seals.signature }]],
    ['encrypted', [{ type: 'reasoning-end', choiceIndex, id: 'rs_own', encrypted: seals.encrypted }]],
  ])('that are %s come back as their provider wants them, though the client shows none of them', (_, ends) => {
    const events: StreamEvent[] = [
      { type: 'reasoning-delta', choiceIndex, text: 'Hm.' },
      ...ends,
      { type: 'text-delta', choiceIndex, text: 'Hello' },
      { type: 'text-end', choiceIndex, finishReason: 'stop' },
    ]
    const output = outputOf(events, { reasoning: { summary: 'auto' } })
    expect(output[0]).toMatchObject({ type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] })
    const { type: _type, choiceIndex: _index, ...sealed } = ends[0] as Extract<StreamEvent, { type: 'reasoning-end' }>
    const [message] = messagesOf(output)
    expect(message).toMatchObject({ content: 'Hello', reasoning: 'Hm.', reasoningBlocks: [{ text: 'Hm.', ...sealed }] })
    // A client that keeps only what it cannot read.
    const [bare] = messagesOf([{ ...output[0], summary: [] }, output[1]])
    if (sealed.signature) expect(bare?.reasoningBlocks).toMatchObject([{ text: 'Hm.', ...sealed }])
    else expect(bare?.reasoningBlocks).toMatchObject([{ text: '', ...sealed }])
  })

  test('that led to a call come back with it', () => {
    const signature = { wire: 'gemini', value: 'thought' }
    const output = outputOf([
      { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'a', toolName: 'weather', signature },
      { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{}' },
      { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
      { type: 'text-end', choiceIndex, finishReason: 'tool-calls' },
    ])
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'function_call'])
    expect(messagesOf(output)).toEqual([{ role: 'assistant', content: '', toolCalls: [{ ...called('a'), signature }] }])
  })

  test('are text of their own where no summary was asked for', () => {
    const output = outputOf([{ type: 'reasoning-delta', choiceIndex, text: 'Hm.' }])
    expect(output).toMatchObject([{ summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] }])
  })
})

test('one request cannot have the whole archive looked through', async () => {
  const archive = { keep: () => {}, chain: async () => [], find: async () => undefined }
  const refer = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ id: `msg_${n.toString(16).padStart(32, '0')}o0` }))
  const { recall } = openaiResponses(archive)
  await expect(recall?.({ input: refer(1001) }, address)).rejects.toThrow('1000 is the most')
  await expect(recall?.({ input: refer(1000) }, address)).resolves.toBeDefined()
})

describe('whether a request may be passed on as it stands', () => {
  const own = '0'.repeat(32)
  test.each<[boolean, Fields]>([
    [true, { input: 'x' }],
    [true, { input: 'x', previous_response_id: `resp_${'0'.repeat(48)}`, tools: [{ type: 'web_search' }] }],
    [true, { input: [{ type: 'item_reference', id: `msg_${'0'.repeat(48)}` }] }],
    [false, { input: 'x', previous_response_id: `resp_${own}` }],
    [false, { input: [{ id: `msg_${own}o0` }] }],
    [false, { input: [{ type: 'reasoning', summary: [], encrypted_content: 'inferloom.e30' }] }],
  ])('%j for %j', (may, body) => {
    expect(openaiResponses().relayable?.(body, address)).toBe(may)
  })
})

test('two streams of calls at once keep their items apart', () => {
  const start = (toolIndex: number): StreamEvent => ({
    type: 'tool-input-start',
    choiceIndex: 0,
    toolIndex,
    id: `call_${toolIndex}`,
    toolName: 'weather',
  })
  const piece = (toolIndex: number, delta: string): StreamEvent => ({
    type: 'tool-input-delta',
    choiceIndex: 0,
    toolIndex,
    delta,
  })
  const output = outputOf([start(0), start(1), piece(0, '{"a"'), piece(1, '{"b"'), piece(0, ':1}'), piece(1, ':2}')])
  expect(output.map((item) => item['arguments'])).toEqual(['{"a":1}', '{"b":2}'])
})

test('a stream that fails says so twice, as OpenAI does: as an error, and as the answer that failed', async () => {
  const { InferloomError } = await import('../../canonical/errors.ts')
  const writer = parse({ input: 'x' }).writer('0'.repeat(32))
  writer.chunk([{ type: 'text-delta', choiceIndex: 0, text: 'Hel' }])
  const text = writer.fail(new InferloomError('engine_restarting', 'The engine died.'))
  const events = text
    .split('\n\n')
    .filter(Boolean)
    .map((each) => JSON.parse(each.slice(each.indexOf('data: ') + 6)) as Fields)
  expect(events).toMatchObject([
    { type: 'error', error: { code: 'engine_restarting', message: 'The engine died.', param: null } },
    { type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' }, output: [] } },
  ])
})
