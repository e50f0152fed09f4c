// Answers that come in one piece, by hand, and what is wrong with others.
import { expect, test } from 'vitest'
import { latenciesOf } from './latencies.ts'
import { WholeAnswerReader } from './whole-answer-reader.ts'
import { wireOf } from './wires/wires.ts'

function read(dialect: string, body: unknown) {
  const reader = new WholeAnswerReader(wireOf(dialect))
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const middle = bytes.length >> 1
  for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)]) reader.push(piece)
  reader.finish()
  return reader
}

const openai = (choice: object, usage: object = { prompt_tokens: 9, completion_tokens: 4 }) => ({
  choices: [{ index: 0, finish_reason: 'stop', ...choice }],
  usage,
})

test.each([
  ['openai-chat', openai({ message: { content: 'Grüße' } })],
  ['openai-chat', openai({ message: { content: null, reasoning_content: 'Grüße' } })],
  ['openai-completions', openai({ text: 'Grüße' })],
  [
    'anthropic-messages',
    { type: 'message', content: [{ type: 'text', text: 'Grüße' }], usage: { input_tokens: 9, output_tokens: 4 } },
  ],
  [
    'gemini',
    {
      candidates: [{ content: { parts: [{ text: 'Grüße' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 3, thoughtsTokenCount: 1 },
    },
  ],
])('of %s', (dialect, body) => {
  const reader = read(dialect, body)
  expect(reader).toMatchObject({
    error: undefined,
    text: 'Grüße',
    textBytes: 7,
    pieces: 1,
    usage: { promptTokens: 9, outputTokens: 4 },
  })
  // Nobody outside knows when its first token was written.
  expect([reader.firstAt, reader.lastAt]).toEqual([undefined, undefined])
})

test('a call of a tool is an answer', () => {
  const calls = [{ function: { name: 'look', arguments: '{"a":1}' } }]
  expect(read('openai-chat', openai({ message: { content: null, tool_calls: calls } })).text).toBe('{"a":1}')
  const use = { type: 'message', content: [{ type: 'tool_use', name: 'look', input: { a: 1 } }] }
  expect(read('anthropic-messages', use)).toMatchObject({ error: undefined, text: '{"a":1}' })
})

test.each([
  ['not an answer', 'openai-chat', 'hello'],
  ['not an answer', 'openai-chat', ''],
  ['not an answer', 'openai-chat', 'null'],
  ['not an answer', 'openai-chat', {}],
  ['not an answer', 'openai-chat', { choices: 7 }],
  ['not an answer', 'anthropic-messages', { content: 7 }],
  ['not an answer', 'gemini', { candidates: [{}] }],
  ['no tokens', 'openai-chat', openai({ message: { content: '' } })],
  ['error in the answer: overloaded', 'openai-chat', { error: { code: 'overloaded' } }],
  [
    'error in the answer: overloaded_error',
    'anthropic-messages',
    { type: 'error', error: { type: 'overloaded_error' } },
  ],
])('%s: of %s', (error, dialect, body) => {
  expect(read(dialect, body).error).toBe(error)
})

test('an answer that never ends is held no longer than an answer may be', () => {
  const reader = new WholeAnswerReader(wireOf('openai-chat'))
  const megabyte = Buffer.alloc(1 << 20, 32)
  for (let count = 0; count <= 64; count++) reader.push(megabyte)
  expect(reader.error).toBe('too large')
})

test('its latency is known, and nothing of its first token', () => {
  const outcome = { dueAt: 100, sentAt: 110, endAt: 600, pieces: 1, promptTokens: 9, cachedTokens: 0, outputTokens: 4 }
  expect(latenciesOf({ ...outcome, estimated: 'none' })).toEqual({ latency: 500 })
  expect(latenciesOf({ ...outcome, estimated: 'none', error: 'reset' })).toBeUndefined()
})
