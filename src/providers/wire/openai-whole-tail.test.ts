import fc from 'fast-check'
import { expect, test } from 'vitest'
import { watchWhole } from './openai-relay.ts'
import { wholeTail } from './openai-whole-tail.ts'

const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 }

/** What is looked for, and text that looks like it. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"choices":[', '"finish_reason":"stop"}],"usage":{', 'my"finish_reason', 'usage', 'error', '\\'),
)
const content = fc.array(hostile).map((parts) => parts.join(''))
const member = (name: fc.Arbitrary<string>) =>
  fc.tuple(name, fc.oneof(content, fc.jsonValue({ maxDepth: 3 }), fc.constant({ finish_reason: 'x', usage: {} })))
const others = fc.array(member(fc.oneof(content, fc.constantFrom('usage', 'choices', 'finish_reason', 'error'))), {
  maxLength: 3,
})

test('the tail of an answer says of its end what the whole says, or nothing', () => {
  const choice = fc.tuple(others, content, others).map(([before, text, after]) => ({
    ...Object.fromEntries(before),
    message: { role: 'assistant', content: text },
    finish_reason: 'stop',
    ...Object.fromEntries(after),
  }))
  const answer = fc.tuple(others, fc.array(choice, { maxLength: 2 }), others).map(([before, choices, after]) => ({
    ...Object.fromEntries(before),
    choices,
    usage,
    ...Object.fromEntries(after),
  }))
  fc.assert(
    fc.property(answer, (whole) => {
      const bytes = Buffer.from(JSON.stringify(whole))
      const tail = wholeTail(bytes)
      if (!tail) return
      const read = JSON.parse(bytes.toString()) as { choices: { finish_reason?: unknown }[]; usage: unknown }
      expect(tail['usage']).toEqual(read.usage)
      const [first] = tail['choices'] as { finish_reason?: unknown }[]
      expect(first?.finish_reason).toEqual(read.choices[0]?.finish_reason)
      for (const name of ['error', 'service_tier'])
        expect(tail[name]).toEqual((read as unknown as Record<string, unknown>)[name])
    }),
    { numRuns: 2000 },
  )
})

test('an ordinary answer is read by its tail, however long its text is', () => {
  const message = { role: 'assistant', content: 'It is “so”.\n'.repeat(1000), refusal: null }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'length' }]
  const bytes = Buffer.from(
    JSON.stringify({ id: 'a', object: 'chat.completion', choices, usage, service_tier: 'flex' }),
  )
  expect(wholeTail(bytes)).toEqual({ choices: [{ finish_reason: 'length' }], usage, service_tier: 'flex' })
  const watch = watchWhole()
  expect(watch.see(bytes)).toMatchObject({ finishReason: 'length', usage: { outputTokens: { total: 5 } } })
  expect(watch.complete).toBe(true)
})

test('where what counts is elsewhere, all of it is read', () => {
  const read = (body: unknown) => watchWhole().see(Buffer.from(JSON.stringify(body)))
  const within = { finish_reason: 'stop', message: { content: 'a' } }
  expect(read({ choices: [{ usage, ...within }] }).usage?.inputTokens.total).toBe(3)
  expect(read({ usage, choices: [within] }).usage?.inputTokens.total).toBe(3)
  expect(read({ error: { message: 'Broke.' }, choices: [within], usage }).error).toBeDefined()
  expect(read({ choices: [within], usage, error: { message: 'Broke.' } }).error).toBeDefined()
  expect(() => read('no answer')).not.toThrow()
})
