import { describe, expect, test } from 'vitest'
import type { GenerateRequest } from '../../canonical/request.ts'
import { checkGrammar } from '../grammar/check.ts'
import { answerGrammar } from './answer-grammar.ts'
import { harmony } from './harmony.ts'
import { hermes } from './hermes.ts'
import { json } from './json.ts'
import { mistralList } from './mistral.ts'
import { xmlParameters } from './xml-parameters.ts'

const tools = [
  { name: 'get_time', parameters: { properties: { city: { type: 'string' } }, required: ['city'] } },
  { name: 'ping', strict: true },
]
const think = { open: '<think>', close: '</think>' }
const schema = { type: 'object', properties: { a: { type: 'integer' } } }

describe('the grammar of an answer', () => {
  const asked: [what: string, Partial<GenerateRequest>][] = [
    ['a call', { tools, toolChoice: 'required' }],
    ['one call', { tools, toolChoice: 'required', parallelToolCalls: false }],
    ['a named call', { tools, toolChoice: { name: 'ping' } }],
    ['text or a call', { tools }],
    ['JSON', { responseFormat: { type: 'json' } }],
    ['JSON or a call', { tools, responseFormat: { type: 'json-schema', name: 'x', schema, strict: true } }],
    ['a grammar', { grammar: 'root ::= thing*\nthing ::= "a" | "b"' }],
  ]
  const forms = [hermes, json, mistralList, harmony, xmlParameters].flatMap((format) => [
    { format, begun: false },
    { format, begun: false, reasoning: format.channels?.reasoning ?? think },
    { format, begun: true, reasoning: think },
  ])

  test.each(asked)('of %s is one that llama.cpp can read, with and without thoughts', (_, request) => {
    for (const form of forms) {
      const grammar = answerGrammar(request, form)
      expect(grammar).toMatch(/^root ::= /)
      checkGrammar(grammar ?? '', 'grammar')
    }
  })

  test('is none where any answer will do', () => {
    const [first] = tools
    if (!first) throw new Error('no tool')
    for (const request of [{}, { tools: [first] }, { tools, toolChoice: 'none' as const }]) {
      expect(answerGrammar(request, { format: hermes, begun: false })).toBeUndefined()
    }
  })

  test('names the field of a schema that cannot be met', () => {
    const impossible = { properties: { a: { type: 'string', enum: [1] } }, required: ['a'] }
    const request = { tools: [...tools, { name: 'f', parameters: impossible }], toolChoice: 'required' as const }
    expect(() => answerGrammar(request, { format: hermes, begun: false })).toThrow(
      expect.objectContaining({ param: expect.stringContaining('tools[2].function.parameters') as string }),
    )
  })
})
