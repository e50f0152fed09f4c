import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import { openaiResponses } from './parse.ts'

type Fields = Record<string, unknown>

const choiceIndex = 0
const usage = { inputTokens: { total: 3, cacheRead: 1 }, outputTokens: { total: 5, reasoning: 2 } }
const tools = [
  { type: 'function', name: 'weather' },
  { type: 'custom', name: 'note' },
]

const word = fc.string({ maxLength: 6 })
const toolIndex = fc.integer({ min: 0, max: 2 })
const encrypted = { wire: 'openai-responses', value: 'gAAA' }
const event: fc.Arbitrary<StreamEvent> = fc.oneof(
  word.map((text): StreamEvent => ({ type: 'text-delta', choiceIndex, text })),
  word.map((text): StreamEvent => ({ type: 'refusal-delta', choiceIndex, text })),
  word.map((text): StreamEvent => ({ type: 'reasoning-delta', choiceIndex, text })),
  fc.constant<StreamEvent>({ type: 'reasoning-end', choiceIndex, encrypted }),
  fc.constant<StreamEvent>({ type: 'source', choiceIndex, url: 'https://example.com' }),
  fc.constant<StreamEvent>({ type: 'raw', choiceIndex, wire: 'openai-responses', value: { phase: 'commentary' } }),
  fc.constant<StreamEvent>({ type: 'raw', choiceIndex, wire: 'openai-responses', value: { item: { type: 'x' } } }),
  fc.constant<StreamEvent>({ type: 'raw', choiceIndex, wire: 'another', value: { item: { type: 'y' } } }),
  fc
    .record({ toolIndex, toolName: fc.constantFrom('weather', 'note'), signed: fc.boolean() })
    .map(({ signed, ...call }): StreamEvent => ({
      type: 'tool-input-start',
      choiceIndex,
      id: `call_${call.toolIndex}`,
      ...call,
      ...(signed && { signature: { wire: 'gemini', value: 's' } }),
    })),
  fc
    .record({ toolIndex, delta: word })
    .map((piece): StreamEvent => ({ type: 'tool-input-delta', choiceIndex, ...piece })),
  toolIndex.map((index): StreamEvent => ({ type: 'tool-input-end', choiceIndex, toolIndex: index })),
)

const writer = (summary: boolean) =>
  openaiResponses()
    .parse(
      { model: 'm', input: 'x', tools, ...(summary && { reasoning: { summary: 'auto' } }) },
      { model: 'm', stream: true },
    )
    .writer('0'.repeat(32))

function read(stream: string): Fields[] {
  return stream
    .split('\n\n')
    .filter(Boolean)
    .map((each) => {
      const [name, data] = each.split('\n')
      const body = JSON.parse(data?.slice('data: '.length) ?? '') as Fields
      expect(name).toBe(`event: ${body['type'] as string}`)
      return body
    })
}

test('whatever a model does, each item is begun and completed once, and the pieces make up the whole', () => {
  const finishReason = fc.constantFrom('stop' as const, 'length' as const, 'content-filter' as const)
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), finishReason, (given, summary, reason) => {
      // A call that was not ended may not begin again.
      const begun = new Set<number>()
      const events = given.filter((each) => {
        if (each.type === 'tool-input-end') begun.delete(each.toolIndex)
        if (each.type !== 'tool-input-start') return true
        const again = begun.has(each.toolIndex)
        begun.add(each.toolIndex)
        return !again
      })
      const all: StreamEvent[] = [
        ...events,
        { type: 'text-end', choiceIndex, finishReason: reason },
        { type: 'finish', usage },
      ]
      const out = writer(summary)
      const stream = read(all.map((each) => out.chunk([each])).join('') + out.end())
      expect(stream.map((each) => each['sequence_number'])).toEqual(stream.map((_, at) => at))
      const of = (type: string) => stream.filter((each) => each['type'] === type)
      const added = of('response.output_item.added').map((each) => each['output_index'])
      const done = of('response.output_item.done')
      expect(added).toEqual(added.map((_, at) => at))
      expect(new Set(done.map((each) => each['output_index']))).toEqual(new Set(added))
      expect(done).toHaveLength(added.length)
      const items: unknown[] = []
      for (const each of done) items[each['output_index'] as number] = each['item']
      const last = stream.at(-1) as { type: string; response: Fields }
      expect(last.type).toBe(reason === 'stop' ? 'response.completed' : 'response.incomplete')
      expect(last.response['output']).toEqual(items)
      // What is told piece by piece is what is told at the end.
      for (const [delta, end, field] of [
        ['response.output_text.delta', 'response.output_text.done', 'text'],
        ['response.refusal.delta', 'response.refusal.done', 'refusal'],
        ['response.reasoning_text.delta', 'response.reasoning_text.done', 'text'],
        ['response.reasoning_summary_text.delta', 'response.reasoning_summary_text.done', 'text'],
        ['response.function_call_arguments.delta', 'response.function_call_arguments.done', 'arguments'],
        ['response.custom_tool_call_input.delta', 'response.custom_tool_call_input.done', 'input'],
      ] as const) {
        const place = (each: Fields) => `${each['item_id'] as string} ${String(each['content_index'])}`
        const pieces = new Map<string, string>()
        for (const each of of(delta))
          pieces.set(place(each), (pieces.get(place(each)) ?? '') + (each['delta'] as string))
        for (const each of of(end)) expect(each[field]).toBe(pieces.get(place(each)) ?? '')
      }
      const whole = JSON.parse(writer(summary).whole(all)) as Fields
      expect(whole['output']).toEqual(last.response['output'])
    }),
  )
})
