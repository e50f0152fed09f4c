import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { CacheMarks } from '../../gateway/prompt/cache-marks.ts'
import { anthropicMarks } from './anthropic-messages-marks.ts'

const cache_control = { type: 'ephemeral' }
const wire = 'anthropic-messages'
const served = {
  provider: { name: 'p', cacheMarks: () => ({ minimumTokens: 1024, inBodies: { [wire]: anthropicMarks } }) } as never,
  model: 'm',
}
const system = 'Answer with care. '.repeat(400)

/** Sends bodies one after the other; what of each reaches the provider. */
function sent(bodies: readonly object[], marksPassed = true): unknown[] {
  const marks = new CacheMarks(new VirtualTime(), marksPassed)
  return bodies.map((body) => {
    const request = { wire, model: 'm', body: JSON.stringify(body), stream: false, headers: {} }
    return JSON.parse(String(marks.markPassed(request, { ...body }, served, undefined).body))
  })
}

test('instructions that come again are marked, and the end of what goes on from them', () => {
  const ask = (text: string) => ({ temperature: 1, system, messages: [{ role: 'user', content: text }], x_new: [1.5] })
  const [first, second] = sent([ask('one'), ask('two')])
  expect(first).toEqual(ask('one'))
  expect(second).toEqual({
    ...ask('two'),
    system: [{ type: 'text', text: system, cache_control }],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'two', cache_control }] }],
  })
  expect(sent([ask('one'), ask('two')], false)).toEqual([ask('one'), ask('two')])
})

test('a conversation is marked where it was and at its end, but not in thoughts', () => {
  const call = { type: 'tool_use', id: 't', name: 'f', input: {} }
  const thought = { type: 'thinking', thinking: 'Well.', signature: 's' }
  const turns = [
    { role: 'user', content: system },
    { role: 'assistant', content: [thought] },
    { role: 'user', content: 'Go on.' },
    { role: 'assistant', content: [thought, call] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: '4' }] },
  ]
  const ask = (count: number) => ({ messages: turns.slice(0, count) })
  const marked = (body: unknown) =>
    (body as { messages: { content: unknown }[] }).messages.flatMap(({ content }, index) =>
      JSON.stringify(content).includes('cache_control') ? [index] : [],
    )
  expect(sent([ask(1), ask(3), ask(4), ask(5)]).map(marked)).toEqual([[], [0, 2], [2, 3], [3, 4]])
  expect(sent([ask(2), ask(3)]).map(marked)).toEqual([[], [2]])
})

test('a client that marks its prompt itself is left alone', () => {
  const own = { system: [{ type: 'text', text: system, cache_control }], messages: [{ role: 'user', content: 'a' }] }
  expect(sent([own, own])).toEqual([own, own])
})

test('whatever is marked, wherever blanks are, all else stays to the letter', () => {
  const text = fc.oneof(fc.string(), fc.constant('a "quoted" ]}, \\ text'))
  const block = fc.oneof(
    fc.record({ type: fc.constant('text'), text }),
    fc.record({ type: fc.constantFrom('thinking', 'image'), more: fc.jsonValue() }),
  )
  const content = fc.oneof(text, fc.array(block, { maxLength: 3 }))
  const body = fc.record(
    {
      tools: fc.array(fc.record({ name: text, input_schema: fc.jsonValue() }), { maxLength: 3 }),
      other: fc.jsonValue(),
      system: content,
      messages: fc.array(fc.record({ role: text, content }), { maxLength: 4 }),
    },
    { requiredKeys: [] },
  )
  const numbers = fc.uniqueArray(fc.nat(6), { maxLength: 2 })
  const unmarked = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value), (key, each: unknown) => (key === 'cache_control' ? undefined : each))
  const listed = (value: unknown) => (typeof value === 'string' ? [{ type: 'text', text: value }] : value)
  fc.assert(
    fc.property(body, numbers, fc.constantFrom(0, 2), (each, wanted, blanks) => {
      const text = JSON.stringify(each, null, blanks)
      const there = wanted.filter((number) => number < anthropicMarks.parts(each).length)
      const marked = anthropicMarks.mark(text, each, there)
      expect(marked.split('"cache_control"').length - 1).toBeLessThanOrEqual(there.length)
      const { system, messages, ...rest } = unmarked(JSON.parse(marked)) as typeof each
      const { system: systemBefore, messages: before, ...restBefore } = unmarked(each) as typeof each
      expect(rest).toEqual(restBefore)
      expect(listed(system)).toEqual(listed(systemBefore))
      expect(messages?.map(({ role, content }) => [role, listed(content)])).toEqual(
        before?.map(({ role, content }) => [role, listed(content)]),
      )
    }),
    { verbose: true },
  )
})
