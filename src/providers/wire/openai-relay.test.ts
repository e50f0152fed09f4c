import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openaiChatWire } from './openai-chat.ts'
import type { Seen } from './wire.ts'

const request = (body: object, stream = true) =>
  ({ wire: 'openai-chat', model: 'm', body: JSON.stringify(body), stream, headers: {} }) as const

/** What is seen of events, written as Python's JSON is where `spaced`. */
function watch(events: readonly (object | string)[], body: object = { stream: true }, spaced = false) {
  const watched = openaiChatWire().relay?.watch(true, request(body))
  if (!watched) throw new Error('chat is not relayed')
  const seen = events.map((event): Seen => {
    const text = typeof event === 'string' ? event : JSON.stringify(event)
    return watched.see(Buffer.from(`data: ${spaced ? text.replaceAll('":', '": ') : text}\n\n`))
  })
  return { seen, complete: watched.complete }
}

const chunk = (...choices: object[]) => ({ id: 'c', choices, usage: null })
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

test('pieces of output are counted, and what ends an answer is read, with spaces or without', () => {
  const events = [
    chunk({ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }),
    chunk({ index: 0, delta: { content: 'a', tool_calls: null }, logprobs: null, finish_reason: null }),
    chunk({ index: 0, delta: { content: null, reasoning_content: 'b' }, finish_reason: null }),
    chunk({ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{' } }] }, finish_reason: null }),
    chunk({ index: 0, delta: {}, finish_reason: 'tool_calls' }),
    { id: 'c', choices: [], usage },
  ]
  for (const spaced of [false, true]) {
    const { seen, complete } = watch(events, { stream_options: { include_usage: true } }, spaced)
    expect(seen.map(({ deltas }) => deltas)).toEqual([0, 1, 1, 1, 0, 0])
    expect(seen[4]).toMatchObject({ finishReason: 'tool-calls' })
    expect(seen[5]).toEqual({ deltas: 0, usage: expect.objectContaining({ inputTokens: { total: 3, cacheRead: 0 } }) })
    expect(complete).toBe(true)
  }
})

test('no text that a model writes can pass for usage, an end or an error', () => {
  const hostile = fc.constantFrom(
    '"usage":{"prompt_tokens":9}',
    '"finish_reason":"stop"',
    '"error":{"message":"x"}',
    '[DONE]',
    '\n\ndata: [DONE]',
    '\\"usage\\":{',
  )
  fc.assert(
    fc.property(
      fc.array(fc.oneof(hostile, fc.string({ unit: 'grapheme' })), { minLength: 1 }),
      fc.boolean(),
      (parts, spaced) => {
        const text = parts.join('')
        const events = [
          chunk({ index: 0, delta: { content: `-${text}` }, finish_reason: null }),
          chunk({
            index: 0,
            delta: { tool_calls: [{ index: 0, function: { arguments: text } }] },
            finish_reason: null,
          }),
        ]
        // Spaces are put in by text, so that only what was escaped stays as it was.
        const { seen, complete } = watch(events, {}, spaced && !text.includes('":'))
        expect(seen).toEqual([{ deltas: 1 }, { deltas: 1 }])
        expect(complete).toBe(false)
      },
    ),
  )
})

test('an answer of several choices is complete with the last of them, or with [DONE]', () => {
  const end = (index: number) => ({ index, delta: {}, finish_reason: 'stop' })
  const open = { index: 1, delta: { content: 'a' }, finish_reason: null }
  expect(watch([chunk(end(0), open)], { n: 2 })).toMatchObject({ complete: false, seen: [{ finishReason: 'stop' }] })
  expect(watch([chunk(end(0), open), chunk(end(1))], { n: 2 }).complete).toBe(true)
  expect(watch([chunk(open), '[DONE]'], { n: 2 }).complete).toBe(true)
  expect(watch([{ error: { message: 'no' } }]).complete).toBe(true)
  expect(watch([{ error: 'no' }]).complete).toBe(true)
})

test('usage within the choice that ends', () => {
  const { seen } = watch([{ choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] }])
  expect(seen[0]).toMatchObject({ finishReason: 'stop', usage: { outputTokens: { total: 2 } } })
  expect(seen[0]?.hidden).toBeUndefined()
})

test('usage is asked for unless the client says something of it, in bytes that are otherwise the same', () => {
  const relay = openaiChatWire().relay
  const plain = request({ model: 'm', messages: [{ role: 'user', content: 'stream_options, "stream_options"' }] })
  expect(relay?.request(plain).body).toBe(plain.body.replace('{', '{"stream_options":{"include_usage":true},'))
  const asking = request({ model: 'm', stream_options: { include_usage: false } })
  expect(relay?.request(asking).body).toBe(asking.body)
  const whole = request({ model: 'm' }, false)
  expect(relay?.request(whole).body).toBe(whole.body)
  expect(openaiChatWire({ streamOptions: false }).relay?.request(plain).body).toBe(plain.body)
})
