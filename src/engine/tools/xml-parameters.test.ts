// Answers as https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct/blob/main/chat_template.jinja shows them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../../canonical/request.ts'
import { checkGrammar } from '../grammar/check.ts'
import { AnswerParser } from '../answer-parser.ts'
import { ChatTemplate } from '../chat-template.ts'
import { parametersGrammar } from './xml-grammar.ts'
import { xmlParameters } from './xml-parameters.ts'

const parameters = {
  type: 'object',
  properties: {
    path: { type: 'string' },
    lines: { type: 'integer' },
    ratio: { type: ['number', 'null'] },
    force: { type: 'boolean' },
    tags: { items: { type: 'string' } },
    options: { $ref: '#/$defs/Options' },
    mode: { anyOf: [{ $ref: '#/$defs/Mode' }, { type: 'null' }] },
    either: { type: ['string', 'integer'] },
    whatever: {},
  },
  required: ['path'],
  $defs: { Options: { type: 'object', properties: {} }, Mode: { enum: ['r', 'w'] } },
} as const
const schemas = new Map<string, JsonSchema | undefined>([
  ['write', parameters],
  ['ping', undefined],
])

function read(pieces: readonly string[]) {
  const shape = {
    format: xmlParameters,
    tools: new Set(schemas.keys()),
    schemas,
    reasoningBegun: false,
    parallel: true,
  }
  const parser = new AnswerParser(0, shape)
  const calls: { name: string; arguments: string }[] = []
  const deltas: string[] = []
  let text = ''
  for (const event of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end('stop')]) {
    if (event.type === 'tool-input-start') calls.push({ name: event.toolName, arguments: '' })
    else if (event.type === 'text-delta') text += event.text
    else if (event.type === 'tool-input-delta') {
      deltas.push(event.delta)
      const call = calls[event.toolIndex]
      if (call) call.arguments += event.delta
    }
  }
  return { calls, text, deltas }
}

const of = (name: string, values: Record<string, string>, end = '</function>\n</tool_call>') =>
  `<tool_call>\n<function=${name}>\n` +
  Object.entries(values)
    .map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`)
    .join('') +
  end

const code = 'if (a < b) {\n\tlog("é😀 \\n")\n}\n<div></div>'

type Case = [what: string, answer: string, calls: [name: string, given: unknown][], text?: string]
const cases: Case[] = [
  ['one text', of('write', { path: 'a b.txt' }), [['write', { path: 'a b.txt' }]]],
  ['text of several lines, with what JSON escapes, and tags', of('write', { path: code }), [['write', { path: code }]]],
  ['text that looks like JSON', of('write', { path: '{"a": 1}' }), [['write', { path: '{"a": 1}' }]]],
  ['an empty text', of('write', { path: '' }), [['write', { path: '' }]]],
  ['blank lines of its own', of('write', { path: '\n x \n' }), [['write', { path: '\n x \n' }]]],
  [
    'values by their types',
    of('write', { path: '12', lines: '12', ratio: 'null', force: 'true', tags: '["a"]', options: '{"x": [1]}' }),
    [['write', { path: '12', lines: 12, ratio: null, force: true, tags: ['a'], options: { x: [1] } }]],
  ],
  ['words of Python', of('write', { force: 'True', ratio: 'None' }), [['write', { force: true, ratio: null }]]],
  ['an enum, or nothing', of('write', { mode: 'r' }), [['write', { mode: 'r' }]]],
  ['nothing, instead of an enum', of('write', { mode: 'null' }), [['write', { mode: null }]]],
  ['a number where it may be', of('write', { either: '7' }), [['write', { either: 7 }]]],
  ['a list where it may not be', of('write', { either: '[7]' }), [['write', { either: '[7]' }]]],
  ['no type at all', of('write', { whatever: '7', other: 'true' }), [['write', { whatever: '7', other: 'true' }]]],
  ['no JSON where it should be', of('write', { lines: 'a dozen' }), [['write', { lines: 'a dozen' }]]],
  ['no parameters', of('ping', {}), [['ping', {}]]],
  [
    'text around two calls',
    `Well.\n\n${of('ping', {})}\n${of('write', { lines: '3' })}\nDone.`,
    [
      ['ping', {}],
      ['write', { lines: 3 }],
    ],
    'Well.Done.',
  ],
  ['no opening tag', '<function=ping>\n</function>\n</tool_call>', [['ping', {}]]],
  [
    'all on one line',
    '<tool_call><function=write><parameter=path>a</parameter><parameter=lines>3</parameter></function></tool_call>',
    [['write', { path: 'a', lines: 3 }]],
  ],
  [
    'ends that were forgotten',
    '<tool_call>\n<function=write>\n<parameter=path>\na\n<parameter=lines>\n3\n</function>\n</tool_call>',
    [['write', { path: 'a', lines: 3 }]],
  ],
  [
    'the end of the function forgotten',
    of('write', { path: 'a' }, '</tool_call> so'),
    [['write', { path: 'a' }]],
    'so',
  ],
  ['cut in its end', of('write', { path: 'a' }, '</func'), [['write', { path: 'a' }]]],
  ['a tool that is none', of('rm', { path: 'a' }), [], of('rm', { path: 'a' })],
  ['JSON instead', '<tool_call>\n{"name": "ping"}', [], '<tool_call>\n{"name": "ping"}'],
  ['only text', 'a <tool_call> and a <function=', [], 'a <tool_call> and a <function='],
]

describe('a call with XML parameters', () => {
  test.each(cases)('%s, wherever it is cut', (_, answer, calls, text = '') => {
    const whole = read([answer])
    expect(whole.text).toBe(text)
    expect(whole.calls.map((call) => [call.name, JSON.parse(call.arguments) as unknown])).toEqual(calls)
    for (let at = 1; at < answer.length; at++) {
      const { calls: cut, text } = read([answer.slice(0, at), answer.slice(at)])
      expect({ calls: cut, text }, `cut at ${at}`).toEqual({ calls: whole.calls, text: whole.text })
    }
    expect(read(Array.from(answer, (each) => each)).calls).toEqual(whole.calls)
  })

  test.each([
    '<tool_call>\n<function=write>\n',
    '<tool_call>\n<function=write>\n<parameter=pa',
    '<tool_call>\n<function=write>\n<parameter=path>\nhalf a te',
    '<tool_call>\n<function=write>\n<parameter=lines>\n12',
    '<tool_call>\n<function=write>\n<parameter=path>\na\n</parameter>\n',
  ])('that breaks off does not look complete: %j', (answer) => {
    const [call] = read([answer]).calls
    expect(() => JSON.parse(call?.arguments ?? '{}') as unknown).toThrow(SyntaxError)
  })

  test('texts are told as they come', () => {
    const { deltas } = read(['<tool_call>\n<function=write>\n<parameter=path>\nsome ', 'more', '\n</parameter>'])
    expect(deltas).toEqual(['{', '"path": "', 'some ', 'more', '"'])
  })

  test('any texts come back as they were written', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('</parameter>'))
    fc.assert(
      fc.property(texts, fc.integer(), (path, lines) => {
        const [call] = read([of('write', { path, lines: `${lines}` })]).calls
        expect(JSON.parse(call?.arguments ?? '')).toEqual({ path, lines })
      }),
    )
  })
})

describe('the grammar of its parameters', () => {
  test.each<[what: string, schema: JsonSchema]>([
    ['all kinds of values', parameters],
    ['nothing', { type: 'object', properties: {}, additionalProperties: false }],
    ['anything', { type: 'object' }],
    [
      'texts held to something',
      { properties: { a: { enum: ['x"y', 2] }, b: { format: 'date' }, c: { minLength: 2 } } },
    ],
    ['a required one that is not described', { required: ['a'] }],
    ['names with other characters', { properties: { 'a "b" \\c': { type: 'string' } } }],
  ])('of %s is one that llama.cpp can read', (_, schema) => {
    checkGrammar(parametersGrammar(schema, 'tools[0].function.parameters'), 'grammar')
  })

  test.each<[schema: JsonSchema, param: string]>([
    [{ anyOf: [] }, 'p.anyOf'],
    [{ properties: { a: { type: 'string', pattern: 'x' } } }, 'p.properties.a.pattern'],
    [{ properties: { a: { type: 'string', format: 'colour' } } }, 'p.properties.a.format'],
    [{ properties: { 'a>': {} } }, 'p.properties["a>"]'],
    [{ properties: { a: { type: 'integer', multipleOf: 3 } } }, 'p.properties.a.multipleOf'],
  ])('%j is refused by name', (schema, param) => {
    expect(() => parametersGrammar(schema, 'p')).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param }),
    )
  })
})

test('a template that writes calls so is given their arguments as objects', () => {
  const chatTemplate =
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}" +
    '{%- for call in message.tool_calls or [] %}' +
    "{{- '<tool_call>\\n<function=' + call.function.name + '>\\n' }}" +
    '{%- for key, value in call.function.arguments|items %}' +
    "{{- '<parameter=' + key + '>\\n' }}{{- value if value is string else value | tojson }}{{- '\\n</parameter>\\n' }}" +
    "{%- endfor %}{{- '</function>\\n</tool_call>' }}{%- endfor %}{%- endfor %}{# tools #}"
  const info = { chatTemplate, bosText: '', eosText: '', addsBos: false, controlTexts: [] }
  const template = new ChatTemplate(
    { ...info, contextTokens: 1, parallel: 1, cells: 1, parameters: 1, sizeBytes: 1, vocabulary: 1, libraries: '' },
    'x.gguf',
  )
  expect(template.toolFormat.name).toBe('xml-parameters')
  const call = { id: 'c1', name: 'write', arguments: '{"path": "a\\nb", "lines": 3}' }
  const { text } = template.render([
    { role: 'user', content: 'x' },
    { role: 'assistant', content: '', toolCalls: [call] },
  ])
  expect(text).toContain(of('write', { path: 'a\nb', lines: '3' }))
})
