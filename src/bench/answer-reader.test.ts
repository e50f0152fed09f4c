// Hand-made streams: each says when which bytes came, and what follows from that.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerReader } from './answer-reader.ts'
import { latenciesOf } from './latencies.ts'
import type { Outcome } from './outcome.ts'
import { anthropicMessages } from './wires/anthropic-messages.ts'
import { gemini } from './wires/gemini.ts'
import { openaiChat, openaiCompletions } from './wires/openai.ts'
import type { Wire } from './wires/wire.ts'

type Arrival = readonly [at: number, ...events: unknown[]]

function read(wire: Wire, arrivals: readonly Arrival[], keepsText = false) {
  const gaps: number[] = []
  const reader = new AnswerReader(wire, { keepsText, onGap: (gap) => gaps.push(gap) })
  for (const [at, ...events] of arrivals) reader.push(Buffer.from(events.map(framed).join('')), at)
  reader.finish()
  return { reader, gaps }
}

function framed(event: unknown): string {
  return `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`
}

const piece = (content: string) => ({ choices: [{ delta: { content }, finish_reason: null }] })
const role = { choices: [{ delta: { role: 'assistant', content: '' }, finish_reason: null }] }
const stop = { choices: [{ delta: {}, finish_reason: 'stop' }] }
const usage = (completion_tokens: number) => ({ choices: [], usage: { prompt_tokens: 9, completion_tokens } })

describe('times', () => {
  test('TTFT ends with the first text, not with the role before it; ITL is between texts; the end counts for TPOT', () => {
    const { reader, gaps } = read(openaiChat, [
      [105, role],
      [150, piece('In')],
      [170, piece('fer')],
      [171, piece('')],
      [200, piece('ence')],
      [230, stop, usage(5), '[DONE]'],
    ])
    expect(gaps).toEqual([20, 30])
    const outcome = outcomeOf(reader, { dueAt: 100, endAt: 230 })
    // Five tokens by the server's count, though they came in three pieces.
    expect(latenciesOf(outcome)).toEqual({ ttft: 50, latency: 130, tpot: 20 })
  })

  test('what was sent late counts from when it was due', () => {
    const { reader } = read(openaiChat, [[1300, piece('late'), stop, usage(1), '[DONE]']])
    const outcome = { ...outcomeOf(reader, { dueAt: 1000, endAt: 1300 }), sentAt: 1250 }
    expect(latenciesOf(outcome)).toEqual({ ttft: 300, latency: 300 })
  })

  test('thoughts and calls of tools are tokens too', () => {
    const call = { choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] } }] }
    const thought = { choices: [{ delta: { reasoning_content: 'hm' } }] }
    const { reader, gaps } = read(openaiChat, [
      [10, thought],
      [14, call],
      [20, stop, '[DONE]'],
    ])
    expect([reader.firstAt, reader.lastAt, reader.pieces, ...gaps]).toEqual([10, 14, 2, 4])
  })

  test('pieces that come in one read have no time between them', () => {
    expect(
      read(openaiChat, [
        [5, piece('a'), piece('b')],
        [9, piece('c'), stop],
      ]).gaps,
    ).toEqual([0, 4])
  })
})

describe('the other wires', () => {
  test('OpenAI completions', () => {
    const { reader } = read(openaiCompletions, [
      [3, { choices: [{ text: 'x', finish_reason: null }] }],
      [4, { choices: [{ text: '', finish_reason: 'length' }], usage: { prompt_tokens: 2, completion_tokens: 7 } }],
    ])
    expect(reader).toMatchObject({
      firstAt: 3,
      pieces: 1,
      error: undefined,
      usage: { promptTokens: 2, outputTokens: 7 },
    })
  })

  test('Anthropic: cached tokens belong to the prompt, and its counts come in two events', () => {
    const { reader, gaps } = read(anthropicMessages, [
      [
        1,
        {
          type: 'message_start',
          message: { usage: { input_tokens: 5, cache_read_input_tokens: 100, output_tokens: 1 } },
        },
      ],
      [2, { type: 'content_block_start', content_block: { type: 'text', text: '' } }, { type: 'ping' }],
      [8, { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'so' } }],
      [11, { type: 'content_block_delta', delta: { type: 'text_delta', text: 'Hi' } }],
      [
        15,
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 12 } },
        { type: 'message_stop' },
      ],
    ])
    expect(reader).toMatchObject({ firstAt: 8, lastAt: 11, error: undefined })
    expect(reader.usage).toEqual({ promptTokens: 105, cachedTokens: 100, outputTokens: 12 })
    expect(gaps).toEqual([3])
  })

  test('Gemini: thoughts are counted beside the answer', () => {
    const { reader } = read(gemini, [
      [1, { candidates: [{ content: { parts: [{ text: 'a' }] } }] }],
      [
        2,
        {
          candidates: [{ content: { parts: [{ text: 'b' }] }, finishReason: 'STOP' }],
          usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, thoughtsTokenCount: 3 },
        },
      ],
    ])
    expect(reader).toMatchObject({
      firstAt: 1,
      lastAt: 2,
      error: undefined,
      usage: { promptTokens: 4, outputTokens: 5 },
    })
  })
})

describe('bad answers have a class', () => {
  test.each([
    [[[1, piece('a')]], 'cut off'],
    [[], 'not a stream of answers'],
    [[[1, '<html>busy</html>']], 'unreadable stream'],
    [[[1, '[1, 2']], 'unreadable stream'],
    [
      [[1, piece('a'), { error: { code: 'engine_failed', message: 'secret prompt' } }]],
      'error in the stream: engine_failed',
    ],
    [[[1, stop, '[DONE]']], 'no tokens'],
    [[[1, { choices: 'x', usage: 7 }, { choices: [null, 3] }, stop]], 'no tokens'],
  ] as [Arrival[], string][])('%j', (arrivals, error) => {
    expect(read(openaiChat, arrivals).reader.error).toBe(error)
  })

  test('an event that never ends', () => {
    const reader = new AnswerReader(openaiChat)
    for (let index = 0; index < 17; index++) reader.push(Buffer.alloc(1024 * 1024, 'x'), index)
    expect(reader.error).toBe('unreadable stream')
  })

  test('any bytes at all leave the reader with an error or an answer, never with an exception', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array(),
            fc.json().map((json) => Buffer.from(`data: ${json}\n\n`)),
          ),
        ),
        (chunks) => {
          for (const wire of [openaiChat, openaiCompletions, anthropicMessages, gemini]) {
            const reader = new AnswerReader(wire, { keepsText: true })
            for (const [at, chunk] of chunks.entries()) reader.push(chunk, at)
            reader.finish()
            if (reader.error === undefined) expect(reader.firstAt).toBeDefined()
          }
        },
      ),
    )
  })
})

test('of the text only the beginning is kept, and only where it is wanted', () => {
  const long: Arrival[] = Array.from({ length: 100 }, (_, at) => [at, piece('x'.repeat(1000))])
  expect(read(openaiChat, long, true).reader.text.length).toBeLessThan(70_000)
  expect(read(openaiChat, long).reader.text).toBe('')
})

function outcomeOf(reader: AnswerReader, { dueAt, endAt }: { dueAt: number; endAt: number }): Outcome {
  const { firstAt, lastAt, pieces, usage, error } = reader
  return {
    dueAt,
    sentAt: dueAt,
    endAt,
    pieces,
    promptTokens: usage.promptTokens ?? 0,
    cachedTokens: 0,
    outputTokens: usage.outputTokens ?? pieces,
    estimated: 'none',
    ...(firstAt !== undefined && { firstAt }),
    ...(lastAt !== undefined && { lastAt }),
    ...(error !== undefined && { error }),
  }
}
