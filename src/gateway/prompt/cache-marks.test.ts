import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import type { GenerateRequest, Message } from '../../canonical/request.ts'
import { localCaller } from '../caller.ts'
import { CacheMarks } from './cache-marks.ts'

const served = { provider: { name: 'p', cacheMarks: () => ({ minimumTokens: 1024 }) } as never, model: 'm' }
const instructions: Message = { role: 'system', content: 'Answer with care. '.repeat(400) }
const says = (content: string): Message => ({ role: 'user', content })
const answers = (content: string): Message => ({ role: 'assistant', content })

function request(messages: readonly Message[], more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: 'm', input: { kind: 'chat', messages }, n: 1, stop: [], sampling: {}, ...more }
}

/** The numbers of the messages that are marked, from 1 on; 0 is the last tool. */
function marksOf({ input, tools = [] }: GenerateRequest): number[] {
  if (input.kind !== 'chat') return []
  const marked = input.messages.flatMap(({ content }, index) =>
    typeof content !== 'string' && content.some(({ cache }) => cache) ? [index + 1] : [],
  )
  return tools.at(-1)?.cache ? [0, ...marked] : marked
}

test('instructions that come again are marked from the second time on, for the same key, within five minutes', () => {
  const time = new VirtualTime()
  const marks = new CacheMarks(time, false)
  const ask = (text: string, keyId = 'k') =>
    marksOf(marks.mark(request([instructions, says(text)]), served, { ...localCaller, keyId }))
  expect(ask('one')).toEqual([])
  expect(ask('two')).toEqual([1, 2])
  expect(ask('three', 'other')).toEqual([])
  void time.run(400_000)
})

test('a conversation that goes on is marked where it was, and at its end', () => {
  const marks = new CacheMarks(new VirtualTime(), false)
  const turns = [instructions, says('a'), answers('b'), says('c'), answers('d'), says('e')]
  const ask = (count: number) => marksOf(marks.mark(request(turns.slice(0, count)), served, undefined))
  expect([ask(2), ask(4), ask(6)]).toEqual([[], [2, 4], [4, 6]])
})

test('what is forgotten by its provider, too short, or marked by its client is left alone', async () => {
  const time = new VirtualTime()
  const marks = new CacheMarks(time, false)
  const long = request([instructions, says('a')])
  marks.mark(long, served, undefined)
  await time.run(300_001)
  expect(marksOf(marks.mark(long, served, undefined))).toEqual([])
  const short = request([{ role: 'system', content: 'Be short.' }, says('a')])
  marks.mark(short, served, undefined)
  expect(marks.mark(short, served, undefined)).toBe(short)
  const own = request([{ role: 'system', content: [{ type: 'text', text: 'x'.repeat(9000), cache: {} }] }, says('a')])
  marks.mark(own, served, undefined)
  expect(marks.mark(own, served, undefined)).toBe(own)
  const elsewhere = { provider: { name: 'q' } as never, model: 'm' }
  expect(marks.mark(long, elsewhere, undefined)).toBe(long)
})

test('tools come first: where only they come again, the last of them is marked', () => {
  const marks = new CacheMarks(new VirtualTime(), false)
  const tools = [{ name: 'a' }, { name: 'b', description: 'Looks things up. '.repeat(600) }]
  marks.mark(request([says('one')], { tools }), served, undefined)
  expect(marksOf(marks.mark(request([says('two')], { tools }), served, undefined))).toEqual([0])
})

test('who keeps prompts by a key is given the same one for what begins alike, and none of its own', () => {
  const marks = new CacheMarks(new VirtualTime(), false)
  const by = { provider: { name: 'p', cacheMarks: () => ({ minimumTokens: 128, by: 'key' }) } as never, model: 'm' }
  const keyOf = (messages: readonly Message[], keyId = 'k', more: Partial<GenerateRequest> = {}) =>
    marks.mark(request(messages, more), by, { ...localCaller, keyId }).promptCacheKey
  const first = keyOf([instructions, says('one')])
  expect(first).toMatch(/^[\w-]{24}$/)
  expect(keyOf([instructions, says('one'), answers('Yes'), says('more')])).toBe(first)
  expect(keyOf([instructions, says('two')])).toBe(first)
  expect(keyOf([instructions, says('one')], 'other')).not.toBe(first)
  expect(keyOf([instructions, says('one')], 'k', { tools: [{ name: 'a' }] })).not.toBe(first)
  expect(keyOf([says('Short.')])).toBeUndefined()
  expect(keyOf([instructions], 'k', { promptCacheKey: 'mine' })).toBe('mine')
  expect(marks.report()).toEqual({ marked: 0, seen: 0, keyed: 5 })
})

test('never more than two marks, never another word', () => {
  const message = fc.record({
    role: fc.constantFrom('system' as const, 'user' as const, 'assistant' as const),
    content: fc.oneof(fc.string(), fc.constant('long '.repeat(2000))),
  })
  const marks = new CacheMarks(new VirtualTime(), false)
  fc.assert(
    fc.property(fc.array(fc.array(message, { maxLength: 8 }), { maxLength: 5 }), (prompts) => {
      for (const messages of prompts) {
        const marked = marks.mark(request(messages), served, undefined)
        expect(marksOf(marked).length).toBeLessThanOrEqual(2)
        if (marked.input.kind !== 'chat') continue
        const texts = marked.input.messages.map(({ content }) =>
          typeof content === 'string' ? content : content.map((part) => ('text' in part ? part.text : '')).join(''),
        )
        expect(texts).toEqual(messages.map(({ content }) => content))
      }
    }),
    { verbose: true },
  )
})
