import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1 } from './latin1.ts'
import { withCost } from './told-cost.ts'

const told = (text: string, cost: number | 'unknown' | 'kept' = 0.25) =>
  Buffer.from(withCost(latin1(Buffer.from(text)), cost), 'latin1').toString()

test.for([
  ['{"usage":{"prompt_tokens":1}}', '{"usage":{"cost":0.25,"prompt_tokens":1}}'],
  ['{ "usage" : \n { } }', '{ "usage" : \n {"cost":0.25 } }'],
  ['{"usageMetadata":{"a":1}}', '{"usageMetadata":{"cost":0.25,"a":1}}'],
  [
    'data: {"usage":{"a":1}}\n\ndata: {"usage":{"a":2}}\n\n',
    'data: {"usage":{"a":1}}\n\ndata: {"usage":{"cost":0.25,"a":2}}\n\n',
  ],
  ['{"usage":{"a":1},"usage_note":{}}', '{"usage":{"cost":0.25,"a":1},"usage_note":{}}'],
] as const)('%s', ([given, wanted]) => expect(told(given)).toBe(wanted))

test.for([
  '',
  '{"usage":null}',
  '"usage',
  '{"usage"',
  '{"usage":',
  '{"text":"say \\"usage\\":{ now"}',
  '{"usages":{}}',
  '{"usage":{"tokens":1,"cost":0.5}}',
])('%s stays as it is', (text) => expect(told(text)).toBe(text))

test('an unknown cost is told as such', () =>
  expect(told('{"usage":{}}', 'unknown')).toBe('{"usage":{"cost":"unknown"}}'))

test('whatever an answer says, only its usage gains a cost', () => {
  const anything = fc.record({ content: fc.jsonValue(), usage: fc.dictionary(fc.string(), fc.integer()) })
  fc.assert(
    fc.property(anything, fc.string(), (answer, text) => {
      const { cost: _, ...usage } = answer.usage
      const whole = { text, content: [JSON.stringify(answer.content)], usage }
      const read = JSON.parse(told(JSON.stringify(whole))) as unknown
      expect(read).toEqual({ ...whole, usage: { cost: 0.25, ...usage } })
    }),
  )
})

test('an answer that was given before costs nothing, and says so also where its provider told what it charged', () => {
  expect(told('{"usage":{"a":1}}', 'kept')).toBe('{"usage":{"cost":0,"cached":true,"a":1}}')
  expect(told('{"usage":{"a":1,"cost":0.5}}', 'kept')).toBe('{"usage":{"cached":true,"a":1,"cost":0.5}}')
})
