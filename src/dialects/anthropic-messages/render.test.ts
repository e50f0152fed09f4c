// The order of events is that of https://platform.claude.com/docs/en/build-with-claude/streaming
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import { anthropicMessages } from './parse.ts'
import { MessageWriter } from './render.ts'

const choiceIndex = 0
const finish: StreamEvent = {
  type: 'finish',
  usage: {
    inputTokens: { total: 30, cacheRead: 10, cacheWrite: 5, cacheWriteHour: 2 },
    outputTokens: { total: 12, reasoning: 4 },
    counts: { web_search: 1 },
  },
}
const ours = (value: string) => ({ wire: 'anthropic-messages', value })

const answer: StreamEvent[] = [
  { type: 'response-metadata', id: 'up', model: 'claude-x-20260101' },
  { type: 'reasoning-delta', choiceIndex, text: 'Two ' },
  { type: 'reasoning-delta', choiceIndex, text: 'calls.' },
  { type: 'reasoning-end', choiceIndex, signature: ours('sig') },
  { type: 'reasoning-end', choiceIndex, encrypted: ours('hidden') },
  { type: 'text-delta', choiceIndex, text: 'Wait.' },
  { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'a', toolName: 'f' },
  { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{"x"' },
  { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: ':1}' },
  { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
  { type: 'tool-input-start', choiceIndex, toolIndex: 1, id: 'b', toolName: 'g' },
  { type: 'tool-input-delta', choiceIndex, toolIndex: 1, delta: '{}' },
  { type: 'tool-input-end', choiceIndex, toolIndex: 1 },
  { type: 'text-end', choiceIndex, finishReason: 'tool-calls' },
  finish,
]

interface Event {
  readonly type: string
  readonly index?: number
  readonly content_block?: object
  readonly delta?: Readonly<Record<string, unknown>>
  readonly usage?: object
  readonly message?: object
}

const writer = () => new MessageWriter({ id: '1', model: 'm' })

function streamed(events: readonly StreamEvent[], piece = events.length): Event[] {
  const stream = writer()
  let text = ''
  for (let at = 0; at < events.length; at += piece) text += stream.chunk(events.slice(at, at + piece))
  return (text + stream.end())
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const [name, data] = block.split('\n')
      const event = JSON.parse(data?.slice('data: '.length) ?? '') as Event
      expect(name).toBe(`event: ${event.type}`)
      return event
    })
}

const whole = (events: readonly StreamEvent[]) => JSON.parse(writer().whole(events)) as Record<string, unknown>

test('a stream has each block after the other, in the order of the documentation', () => {
  const events = streamed(answer, 1)
  expect(events.map(({ type, index }) => (index === undefined ? type : `${type} ${index}`))).toEqual([
    'message_start',
    'content_block_start 0',
    'content_block_delta 0',
    'content_block_delta 0',
    'content_block_delta 0',
    'content_block_stop 0',
    'content_block_start 1',
    'content_block_stop 1',
    'content_block_start 2',
    'content_block_delta 2',
    'content_block_stop 2',
    'content_block_start 3',
    'content_block_delta 3',
    'content_block_delta 3',
    'content_block_stop 3',
    'content_block_start 4',
    'content_block_delta 4',
    'content_block_stop 4',
    'message_delta',
    'message_stop',
  ])
  expect(events[0]?.message).toMatchObject({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x-20260101',
    content: [],
    stop_reason: null,
    stop_sequence: null,
  })
  expect(events[4]?.delta).toEqual({ type: 'signature_delta', signature: 'sig' })
  expect(events[6]?.content_block).toEqual({ type: 'redacted_thinking', data: 'hidden' })
  expect(events.at(-2)).toEqual({
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: {
      input_tokens: 15,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 10,
      output_tokens: 12,
      output_tokens_details: { thinking_tokens: 4 },
      server_tool_use: { web_search_requests: 1 },
    },
  })
  expect(streamed(answer)).toEqual(events)
})

test('a whole answer holds the same', () => {
  expect(whole(answer)).toEqual({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x-20260101',
    content: [
      { type: 'thinking', thinking: 'Two calls.', signature: 'sig' },
      { type: 'redacted_thinking', data: 'hidden' },
      { type: 'text', text: 'Wait.' },
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'g', input: {} },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: {
      input_tokens: 15,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 10,
      cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 2 },
      output_tokens: 12,
      output_tokens_details: { thinking_tokens: 4 },
      server_tool_use: { web_search_requests: 1 },
      service_tier: 'standard',
    },
  })
})

test.each([
  [{ finishReason: 'stop' }, 'end_turn', null],
  [{ finishReason: 'stop', stopString: 'END' }, 'stop_sequence', 'END'],
  [{ finishReason: 'length' }, 'max_tokens', null],
  [{ finishReason: 'length', rawFinishReason: 'model_context_window_exceeded' }, 'model_context_window_exceeded', null],
  [{ finishReason: 'content-filter', rawFinishReason: 'SAFETY' }, 'refusal', null],
  [{ finishReason: 'stop', rawFinishReason: 'pause_turn' }, 'pause_turn', null],
] as const)('%j ends with %s', (end, stop_reason, stop_sequence) => {
  expect(whole([{ type: 'text-end', choiceIndex, ...end }, finish])).toMatchObject({ stop_reason, stop_sequence })
})

test('words of refusal are text, and the reason to stop', () => {
  const events: StreamEvent[] = [
    { type: 'refusal-delta', choiceIndex, text: 'I cannot.' },
    { type: 'text-end', choiceIndex, finishReason: 'stop' },
    finish,
  ]
  expect(whole(events)).toMatchObject({ content: [{ type: 'text', text: 'I cannot.' }], stop_reason: 'refusal' })
})

test('what another wire sealed goes to the client and back', () => {
  const signature = { wire: 'gemini', value: 'thought' }
  const call = { wire: 'gemini', value: 'called' }
  const encrypted = { wire: 'openai-responses', value: 'rs' }
  const { content } = whole([
    { type: 'reasoning-delta', choiceIndex, text: 'Hm.' },
    { type: 'reasoning-end', choiceIndex, signature },
    { type: 'reasoning-end', choiceIndex, id: 'rs_1', encrypted },
    { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'a', toolName: 'f', signature: call },
    { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{}' },
    { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
    { type: 'text-end', choiceIndex, finishReason: 'tool-calls' },
    finish,
  ])
  const body = { model: 'm', max_tokens: 9, messages: [{ role: 'assistant', content }] }
  const { input } = anthropicMessages.parse(body, { model: 'm', stream: false }).request
  expect(input).toEqual({
    kind: 'chat',
    messages: [
      {
        role: 'assistant',
        content: '',
        reasoning: 'Hm.',
        reasoningBlocks: [
          { text: 'Hm.', signature },
          { text: '', id: 'rs_1', encrypted },
        ],
        toolCalls: [{ id: 'a', name: 'f', arguments: '{}', signature: call }],
      },
    ],
  })
})

test('arguments that are no object come under a name that says so', () => {
  const { content } = whole([
    { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'a', toolName: 'f' },
    { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{"x": ' },
    { type: 'text-end', choiceIndex, finishReason: 'length' },
    finish,
  ])
  expect(content).toEqual([{ type: 'tool_use', id: 'a', name: 'f', input: { INVALID_JSON: '{"x": ' } }])
})

test('calls that come side by side keep their blocks', () => {
  const start = (toolIndex: number): StreamEvent => ({
    type: 'tool-input-start',
    choiceIndex,
    toolIndex,
    id: `c${toolIndex}`,
    toolName: 'f',
  })
  const delta = (toolIndex: number, text: string): StreamEvent => ({
    type: 'tool-input-delta',
    choiceIndex,
    toolIndex,
    delta: text,
  })
  const events = [start(0), start(1), delta(0, '{"a":1}'), delta(1, '{"b":2}')]
  const { content } = whole([...events, { type: 'text-end', choiceIndex, finishReason: 'tool-calls' }, finish])
  expect(content).toMatchObject([{ input: { a: 1 } }, { input: { b: 2 } }])
})

test('an error in the middle is an event of its own', () => {
  const text = writer().fail(new InferloomError('provider_overloaded', 'Too busy.'))
  expect(text).toBe(
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Too busy."}}\n\n',
  )
})

/** Any events that a provider may send, of calls that end and calls that do not. */
const anyEvent = fc.oneof(
  fc.record({ type: fc.constant('text-delta' as const), choiceIndex: fc.constant(0), text: fc.string() }),
  fc.record({ type: fc.constant('reasoning-delta' as const), choiceIndex: fc.constant(0), text: fc.string() }),
  fc.record({
    type: fc.constant('reasoning-end' as const),
    choiceIndex: fc.constant(0),
    signature: fc.record({ wire: fc.constantFrom('anthropic-messages', 'gemini'), value: fc.string() }),
  }),
  fc.record({
    type: fc.constant('raw' as const),
    choiceIndex: fc.constant(0),
    wire: fc.constant('anthropic-messages'),
    value: fc.oneof(
      fc.constant({ type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } }),
      fc.constant({ type: 'content_block_start', content_block: { type: 'text', text: '' } }),
      fc.constant({ type: 'content_block_delta', delta: { type: 'citations_delta', citation: { url: 'u' } } }),
      fc.constant({ type: 'message_delta', delta: { container: { id: 'c' } } }),
      fc.jsonValue(),
    ),
  }),
  fc.nat({ max: 3 }).map((toolIndex) => ({ type: 'tool-input-end' as const, choiceIndex, toolIndex })),
  fc
    .tuple(fc.nat({ max: 3 }), fc.string())
    .map(([toolIndex, delta]) => ({ type: 'tool-input-delta' as const, choiceIndex, toolIndex, delta })),
)

test('whatever comes, each block begins once, by rising index, and ends; the whole answer is their sum', () => {
  fc.assert(
    fc.property(fc.array(anyEvent), fc.integer({ min: 1, max: 5 }), (some, piece) => {
      const start: StreamEvent = { type: 'tool-input-start', choiceIndex, toolIndex: 1, id: 'a', toolName: 'f' }
      const all: StreamEvent[] = [
        ...some,
        start,
        ...some,
        { type: 'text-end', choiceIndex, finishReason: 'stop' },
        finish,
      ]
      const events = streamed(all, piece)
      const open = new Set<number>()
      let next = 0
      for (const { type, index = -1 } of events) {
        if (type === 'content_block_start') {
          expect(index).toBe(next++)
          open.add(index)
        } else if (type === 'content_block_delta') expect(open).toContain(index)
        else if (type === 'content_block_stop') expect(open.delete(index)).toBe(true)
      }
      expect(open.size).toBe(0)
      expect((whole(all)['content'] as unknown[]).length).toBe(next)
      expect(events.filter(({ type }) => type === 'message_start' || type === 'message_delta')).toHaveLength(2)
    }),
  )
})
