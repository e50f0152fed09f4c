import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import type { Message } from '../../canonical/request.ts'
import { openaiChat } from './parse.ts'

type Fields = Readonly<Record<string, unknown>>

const choiceIndex = 0
const signature = { wire: 'anthropic-messages', value: 'signed' }
const encrypted = { wire: 'openai-responses', value: 'gAAA' }
const ofCall = { wire: 'gemini', value: 'AY89' }
const events: readonly StreamEvent[] = [
  { type: 'reasoning-delta', choiceIndex, text: 'One. ' },
  { type: 'reasoning-delta', choiceIndex, text: 'More.' },
  { type: 'reasoning-end', choiceIndex, signature },
  { type: 'reasoning-delta', choiceIndex, text: 'Two.' },
  { type: 'reasoning-end', choiceIndex, id: 'rs_1', encrypted },
  { type: 'reasoning-delta', choiceIndex, text: 'Three.' },
  { type: 'reasoning-end', choiceIndex },
  { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'c1', toolName: 'weather', signature: ofCall },
  { type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta: '{}' },
  { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
  { type: 'text-end', choiceIndex, finishReason: 'tool-calls' },
  { type: 'finish', usage: { inputTokens: { total: 1, cacheRead: 0 }, outputTokens: { total: 1, reasoning: 0 } } },
]
const user = { role: 'user', content: 'Hi' }
const body = (messages: readonly unknown[]) => ({ model: 'm', messages })
const parse = (messages: readonly unknown[]) => openaiChat.parse(body(messages), { model: 'm', stream: false })
const relayable = (messages: readonly unknown[]) => openaiChat.relayable?.(body(messages))
function read(message: Fields): Message | undefined {
  const { request } = parse([user, message])
  return request.input.kind === 'chat' ? request.input.messages[1] : undefined
}
const whole = () => {
  const answer = JSON.parse(parse([user]).writer('1').whole(events)) as { choices: { message: Fields }[] }
  return answer.choices[0]?.message ?? {}
}
/** As `openai` puts it together: what it does not know, it takes from the last chunk that has it. */
const streamed = () => {
  const chunks = parse([user]).writer('1').chunk(events).split('\n\n').filter(Boolean)
  const deltas = chunks.flatMap((chunk) => {
    const { choices } = JSON.parse(chunk.slice('data: '.length)) as { choices: { delta: Fields }[] }
    return choices.map(({ delta }) => delta)
  })
  return deltas
}

describe('what providers sealed', () => {
  const expected = {
    reasoning: 'One. More.Two.Three.',
    reasoningBlocks: [
      { text: 'One. More.', signature },
      { text: '', id: 'rs_1', encrypted },
    ],
    toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}', signature: ofCall }],
  }

  test('comes back from a whole answer as it was', () => {
    const message = whole()
    expect(message['reasoning_content']).toBe('One. More.Two.Three.')
    expect(read(message)).toMatchObject(expected)
    expect(relayable([user, message])).toBe(false)
  })

  test('comes in one piece of a stream, whoever puts it together', () => {
    const lists = streamed().flatMap((delta) => ('reasoning_details' in delta ? [delta['reasoning_details']] : []))
    expect(lists).toEqual([whole()['reasoning_details']])
    const calls = streamed().flatMap(({ tool_calls: pieces }) => (pieces ?? []) as Fields[])
    expect(calls[0]?.['extra_content']).toEqual((whole()['tool_calls'] as Fields[])[0]?.['extra_content'])
  })

  test('is told from what others wrote, which goes on to those who did', () => {
    const theirs = { type: 'reasoning.text', text: 'Hm.', signature: 's', format: 'anthropic-claude-v1', index: 0 }
    const google = { google: { thought_signature: 'AY89' } }
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' }, extra_content: google }
    const message = {
      role: 'assistant',
      content: 'Hm.',
      reasoning: 'Hm.',
      reasoning_details: [theirs],
      tool_calls: [call],
    }
    expect(relayable([user, message])).toBe(true)
    expect(read(message)).toMatchObject({ reasoning: 'Hm.', toolCalls: [{ signature: ofCall }] })
    expect(read(message)).not.toHaveProperty('reasoningBlocks')
  })

  test('that was damaged is nothing', () => {
    const damaged = { role: 'assistant', content: 'x', reasoning_details: [{ type: 'x', data: 'inferloom.bm8' }] }
    expect(read(damaged)).not.toHaveProperty('reasoningBlocks')
    for (const odd of [undefined, 7, [null], [{ reasoning_details: 7, tool_calls: [null] }]]) {
      expect(openaiChat.relayable?.({ messages: odd })).toBe(true)
    }
  })

  test('is not there where nothing was', () => {
    const plain = JSON.parse(parse([user]).writer('1').whole(events.slice(-2))) as { choices: { message: Fields }[] }
    expect(plain.choices[0]?.message).not.toHaveProperty('reasoning_details')
  })
})
