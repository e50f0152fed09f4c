import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import type { ReasoningBlock } from '../../canonical/request.ts'
import { ChatReader } from './openai-chat-reader.ts'
import { detailsOf } from './openai-chat-thoughts.ts'

const chunk = (delta: object) => ({ id: '1', choices: [{ index: 0, delta }] })
const end = { id: '1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }

function eventsOf(chunks: readonly object[]): readonly StreamEvent[] {
  const reader = new ChatReader()
  const events = chunks.flatMap((each) => reader.body(each))
  reader.read({ data: '[DONE]' })
  return [...events, ...reader.end()]
}

/** What a client that keeps all of it sends back. */
function sentBack(events: readonly StreamEvent[]): readonly object[] {
  const reasoningBlocks: ReasoningBlock[] = []
  let text = ''
  for (const event of events) {
    if (event.type === 'reasoning-delta') text += event.text
    if (event.type !== 'reasoning-end') continue
    const { signature, encrypted } = event
    reasoningBlocks.push({ text, ...(signature && { signature }), ...(encrypted && { encrypted }) })
    text = ''
  }
  return detailsOf({ role: 'assistant', content: '', reasoningBlocks })
}

test('what a stream tells of thoughts in pieces goes back whole, and stands before what was thought of', () => {
  const detail = { type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0 }
  const hidden = { type: 'reasoning.encrypted', data: 'ZW5j', format: 'google-gemini-v1', index: 1, id: 'call_1' }
  const events = eventsOf([
    chunk({ reasoning: 'I ', reasoning_details: [{ ...detail, text: 'I ', signature: null }] }),
    chunk({ reasoning: 'look.', reasoning_details: [{ ...detail, text: 'look.' }] }),
    chunk({ reasoning: null, reasoning_details: [{ ...detail, signature: 'EqQB' }] }),
    chunk({ content: 'Well.' }),
    chunk({
      tool_calls: [{ index: 0, id: 'call_1', function: { name: 'f', arguments: '{}' } }],
      reasoning_details: [hidden],
    }),
    end,
  ])
  const types = events.map(({ type }) => type).filter((type) => type !== 'response-metadata')
  expect(types.slice(0, 5)).toEqual([
    'reasoning-delta',
    'reasoning-delta',
    'reasoning-end',
    'text-delta',
    'reasoning-end',
  ])
  expect(sentBack(events)).toEqual([{ ...detail, text: 'I look.', signature: 'EqQB' }, hidden])
})

test('wherever a stream is cut, the same goes back as of a whole answer', () => {
  const text = fc.record({
    type: fc.constant('reasoning.text'),
    text: fc.string({ minLength: 1, maxLength: 12 }),
    signature: fc.option(fc.string({ minLength: 1 })),
  })
  const secret = fc.record({ type: fc.constant('reasoning.encrypted'), data: fc.string({ minLength: 1 }) })
  fc.assert(
    fc.property(fc.array(fc.oneof(text, secret), { maxLength: 5 }), fc.nat(5), (given, size) => {
      const details = given.map((detail, index) => ({ ...detail, index }))
      const message = { role: 'assistant', content: 'x', reasoning_details: details }
      const whole = sentBack(new ChatReader().whole({ choices: [{ index: 0, message, finish_reason: 'stop' }] }))
      expect(whole).toEqual(details)
      const pieces = details.flatMap((detail): object[] => {
        if (!('text' in detail)) return [detail]
        const { text, signature, ...rest } = detail
        const cuts = Array.from({ length: Math.ceil(text.length / (size + 1)) }, (_, at) =>
          text.slice(at * (size + 1), (at + 1) * (size + 1)),
        )
        return [...cuts.map((text) => ({ ...rest, text, signature: null })), { ...rest, signature }]
      })
      const streamed = eventsOf([
        ...pieces.map((each) => chunk({ reasoning_details: [each] })),
        chunk({ content: 'x' }),
        end,
      ])
      expect(sentBack(streamed)).toEqual(details)
    }),
    { verbose: true },
  )
})

test('what is too long to be kept, or was changed by a client, is left out', () => {
  const long = { type: 'reasoning.encrypted', data: 'x'.repeat(5_000_000) }
  expect(sentBack(eventsOf([chunk({ reasoning_details: [long, null, 7] }), chunk({ content: 'x' }), end]))).toEqual([])
  for (const value of ['', '{', '7', '[7, null]']) {
    const signature = { wire: 'reasoning_details', value }
    expect(detailsOf({ role: 'assistant', content: '', reasoningBlocks: [{ text: '', signature }] })).toEqual([])
  }
})
