import { expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import { ChatWriter } from './render.ts'

const events: StreamEvent[] = [
  { type: 'reasoning-delta', choiceIndex: 0, text: 'Two ' },
  { type: 'reasoning-delta', choiceIndex: 0, text: 'calls.' },
  { type: 'text-delta', choiceIndex: 0, text: 'Wait.' },
  { type: 'tool-input-start', choiceIndex: 0, toolIndex: 0, id: 'call_a', toolName: 'f' },
  { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: '{"x"' },
  { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: ':1}' },
  { type: 'tool-input-end', choiceIndex: 0, toolIndex: 0 },
  { type: 'tool-input-start', choiceIndex: 0, toolIndex: 1, id: 'call_b', toolName: 'g' },
  { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 1, delta: '{}' },
  { type: 'tool-input-end', choiceIndex: 0, toolIndex: 1 },
  { type: 'text-end', choiceIndex: 0, finishReason: 'tool-calls' },
  {
    type: 'finish',
    usage: { inputTokens: { total: 9, cacheRead: 4 }, outputTokens: { total: 7, reasoning: 2 } },
  },
]

const options = { id: '1', model: 'm', logprobs: false, includeUsage: true, serviceTier: 'flex' } as const

interface Chunk {
  readonly service_tier?: string
  readonly choices: readonly { readonly delta: object; readonly finish_reason: string | null }[]
  readonly usage: object | null
}

function chunksOf(stream: string): Chunk[] {
  return stream
    .split('\n\n')
    .flatMap((block) => (block === '' ? [] : [JSON.parse(block.slice('data: '.length)) as Chunk]))
}

test('a stream tells reasoning, text and calls as they come, and loses no first delta', () => {
  const chunks = chunksOf(new ChatWriter(options).chunk(events))
  expect(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))).toEqual([
    { role: 'assistant', content: '', refusal: null },
    { reasoning_content: 'Two ' },
    { reasoning_content: 'calls.' },
    { content: 'Wait.' },
    { tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'f', arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] },
    { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
    { tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'g', arguments: '' } }] },
    { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
    {},
  ])
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls')
  expect(chunks.every((chunk) => chunk.service_tier === 'flex')).toBe(true)
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens_details: { reasoning_tokens: 2 } })
})

test('a whole answer holds the same', () => {
  const whole = JSON.parse(new ChatWriter(options).whole(events)) as object
  expect(whole).toMatchObject({
    service_tier: 'flex',
    choices: [
      {
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: 'Wait.',
          reasoning_content: 'Two calls.',
          tool_calls: [
            { id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 'call_b', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
      },
    ],
    usage: { total_tokens: 16, prompt_tokens_details: { cached_tokens: 4 } },
  })
})
