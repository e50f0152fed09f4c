// Answers written by hand as each format's own documentation shows them; the file of each format cites it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../canonical/events.ts'
import { AnswerParser, type AnswerShape } from '../answer-parser.ts'
import { deepseekBare, deepseekFenced } from './deepseek.ts'
import { reasoningTagsOf, toolFormatOf } from './formats.ts'
import { harmony } from './harmony.ts'
import { hermes } from './hermes.ts'
import { json } from './json.ts'
import { llama } from './llama.ts'
import { mistralList, mistralNamed } from './mistral.ts'
import type { ToolFormat } from './tool-format.ts'
import { xmlParameters } from './xml-parameters.ts'

type Told = { text: string } | { reasoning: string } | { call: string; arguments: string; ended: boolean }

const tools = new Set(['get_weather', 'get_time'])
const think = { open: '<think>', close: '</think>' }

function parse(pieces: readonly string[], shape: Partial<AnswerShape>): StreamEvent[] {
  const parser = new AnswerParser(0, { tools, reasoningBegun: false, parallel: true, ...shape })
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end('stop')]
}

/** What was told, without regard to the pieces it came in. */
function told(events: readonly StreamEvent[]): Told[] {
  const all: Told[] = []
  for (const event of events) {
    const last = all.at(-1)
    if (event.type === 'text-delta') {
      if (last && 'text' in last) last.text += event.text
      else all.push({ text: event.text })
    } else if (event.type === 'reasoning-delta') {
      if (last && 'reasoning' in last) last.reasoning += event.text
      else all.push({ reasoning: event.text })
    } else if (event.type === 'tool-input-start') all.push({ call: event.toolName, arguments: '', ended: false })
    else if (last && 'call' in last) {
      if (event.type === 'tool-input-delta') last.arguments += event.delta
      if (event.type === 'tool-input-end') last.ended = true
    }
  }
  return all
}

const text = (text: string): Told => ({ text })
const reasoning = (reasoning: string): Told => ({ reasoning })
const call = (name: string, json: string): Told => ({ call: name, arguments: json, ended: true })
const paris = '{"city": "Paris"}'
const odd = '{ "city":"S\\u00e3o \\"P\\" </tool_call> {", "n":[1,{}] ,"e": "é😀"}'

type Fixture = [what: string, shape: Partial<AnswerShape>, answer: string, expected: Told[]]

function of(format: ToolFormat, ...cases: [what: string, answer: string, expected: Told[]][]): Fixture[] {
  return cases.map(([what, answer, expected]) => [`${format.name}: ${what}`, { format }, answer, expected])
}

const fixtures: Fixture[] = [
  ...of(
    hermes,
    [
      'a call',
      `<tool_call>\n{"name": "get_weather", "arguments": ${paris}}\n</tool_call>`,
      [call('get_weather', paris)],
    ],
    [
      'text around two calls',
      `Let me see.\n\n<tool_call>\n{"name": "get_weather", "arguments": ${odd}}\n</tool_call>\n` +
        `<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>\nDone.\n`,
      [text('Let me see.'), call('get_weather', odd), call('get_time', '{}'), text('Done.\n')],
    ],
    [
      'arguments first',
      `<tool_call>{"arguments": ${paris}, "name": "get_time"}</tool_call>`,
      [call('get_time', paris)],
    ],
    ['no arguments', '<tool_call>{"name": "get_time"}</tool_call>', [call('get_time', '{}')]],
    [
      'arguments as text',
      '<tool_call>{"name": "get_time", "arguments": "{\\"a\\": 1}"}',
      [call('get_time', '{"a": 1}')],
    ],
    [
      'a bracket too many',
      `<tool_call>{"name": "get_time", "arguments": ${paris}}}\n</tool_call>`,
      [call('get_time', paris)],
    ],
    [
      'a bracket too few',
      `<tool_call>{"name": "get_time", "arguments": ${paris}\n</tool_call> so`,
      [call('get_time', paris), text('so')],
    ],
    [
      'arguments that are no JSON',
      '<tool_call>{"name": "get_time", "arguments": {city: Paris</tool_call>',
      [call('get_time', '{city: Paris')],
    ],
    [
      'a tool that is none',
      '<tool_call>{"name": "rm", "arguments": {}}</tool_call> ok',
      [text('<tool_call>{"name": "rm", "arguments": {}}</tool_call> ok')],
    ],
    ['no JSON', 'a <tool_call> is a tag\n', [text('a <tool_call> is a tag\n')]],
    ['cut before its arguments', 'Yes <tool_call>{"name": "get_t', [text('Yes <tool_call>{"name": "get_t')]],
    ['cut in its arguments', '<tool_call>{"name": "get_time", "arguments": {"a', [call('get_time', '{"a')]],
    ['cut in its end', `<tool_call>{"name": "get_time", "arguments": ${paris}}\n</tool_`, [call('get_time', paris)]],
    [
      'a tag that turns into a call',
      `<tool_call><tool_call>{"name": "get_time"}</tool_call>`,
      [text('<tool_call>'), call('get_time', '{}')],
    ],
    ['only text', ' a < b <tool\n ', [text(' a < b <tool\n ')]],
  ),
  ...of(
    llama,
    ['a call', `{"name": "get_weather", "parameters": ${paris}}`, [call('get_weather', paris)]],
    [
      'a call after its tag',
      `<|python_tag|>{"name": "get_weather", "parameters": ${paris}}`,
      [call('get_weather', paris)],
    ],
    [
      'two calls with types',
      `{"type": "function", "name": "get_time", "parameters": {}}; {"name": "get_weather", "parameters": ${paris}}`,
      [call('get_time', '{}'), call('get_weather', paris)],
    ],
    ['another object', '{"city": {"name": "get_time"}}', [text('{"city": {"name": "get_time"}}')]],
    ['code', '<|python_tag|>search.call(query="x")', [text('<|python_tag|>search.call(query="x")')]],
  ),
  ...of(
    mistralList,
    [
      'two calls',
      `[TOOL_CALLS][{"name": "get_weather", "arguments": ${paris}}, {"name": "get_time", "arguments": {}, "id": "a1"}]`,
      [call('get_weather', paris), call('get_time', '{}')],
    ],
    [
      'text before',
      `Well: [TOOL_CALLS] [{"name": "get_time", "arguments": {}}]`,
      [text('Well:'), call('get_time', '{}')],
    ],
    ['no list', '[TOOL_CALLS] are made so', [text('[TOOL_CALLS] are made so')]],
  ),
  ...of(
    mistralNamed,
    [
      'two calls',
      `[TOOL_CALLS]get_weather[ARGS]${odd}[TOOL_CALLS]get_time[CALL_ID]abc123xyz[ARGS]{}`,
      [call('get_weather', odd), call('get_time', '{}')],
    ],
    ['a tool that is none', '[TOOL_CALLS]rm[ARGS]{}', [text('[TOOL_CALLS]rm[ARGS]{}')]],
  ),
  ...of(deepseekFenced, [
    'two calls',
    'Let me look.\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n' +
      `${paris}\n\`\`\`<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n` +
      '```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    [text('Let me look.'), call('get_weather', paris), call('get_time', '{}')],
  ]),
  ...of(
    deepseekBare,
    [
      'two calls',
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>${odd}<｜tool▁call▁end｜>` +
        '<｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      [call('get_weather', odd), call('get_time', '{}')],
    ],
    ['a tool that is none', '<｜tool▁calls▁begin｜>so', [text('<｜tool▁calls▁begin｜>so')]],
  ),
  ...of(
    harmony,
    [
      'thought, call',
      '<|channel|>analysis<|message|>Need the weather.<|end|><|start|>assistant<|channel|>commentary ' +
        `to=functions.get_weather <|constrain|>json<|message|>${paris}<|call|>`,
      [reasoning('Need the weather.'), call('get_weather', paris)],
    ],
    [
      'thought, answer',
      '<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>Hello <b>.<|return|>',
      [reasoning('Easy.'), text('Hello <b>.')],
    ],
    [
      'a recipient in the role, and a preamble',
      '<|channel|>commentary<|message|>I will look.<|end|><|start|>assistant to=functions.get_time<|channel|>commentary json<|message|>{}',
      [text('I will look.'), call('get_time', '{}')],
    ],
    ['no header', 'Just text', [text('Just text')]],
    [
      'a tool that is none, then an answer',
      '<|channel|>commentary to=functions.rm<|message|>{}<|start|>assistant<|channel|>final<|message|>No.',
      [text('<|channel|>commentary to=functions.rm<|message|>{}No.')],
    ],
  ),
  ...of(
    json,
    ['a call', `{"name": "get_time", "arguments": ${paris}}`, [call('get_time', paris)]],
    [
      'a list in a fence',
      `\`\`\`json\n[{"name": "get_time", "arguments": ${paris}},\n {"name": "get_weather"}]\n\`\`\``,
      [call('get_time', paris), call('get_weather', '{}')],
    ],
    ['other JSON', '```json\n{"a": 1}\n```', [text('```json\n{"a": 1}\n```')]],
  ),
  ['thoughts', { reasoning: think }, '<think>\nHm.\n</think>\n\nYes.', [reasoning('Hm.'), text('Yes.')]],
  ['no thoughts', { reasoning: think }, '<think>\n\n</think>\n\nYes.', [text('Yes.')]],
  ['thoughts begun', { reasoning: think, reasoningBegun: true }, 'Hm.</think>\nYes', [reasoning('Hm.'), text('Yes')]],
  ['begun twice', { reasoning: think, reasoningBegun: true }, '<think>Hm.</think>Yes', [reasoning('Hm.'), text('Yes')]],
  ['thoughts cut short', { reasoning: think }, '<think>Hm </th', [reasoning('Hm </th')]],
  ['a tag later on', { reasoning: think }, 'Say <think>', [text('Say <think>')]],
  [
    'thoughts and a call',
    { reasoning: think, format: hermes },
    '<think>Call <tool_call>?</think>\n<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>',
    [reasoning('Call <tool_call>?'), call('get_time', '{}')],
  ],
  [
    'only the first call',
    { format: hermes, parallel: false },
    'One: <tool_call>{"name": "get_time"}</tool_call><tool_call>{"name": "get_weather"}</tool_call> and more',
    [text('One:'), call('get_time', '{}')],
  ],
]

describe('what models write is taken apart', () => {
  test.each(fixtures)('%s', (_, shape, answer, expected) => {
    const events = parse([answer], shape)
    expect(told(events)).toEqual(expected)
    const called = expected.some((each) => 'call' in each)
    expect(events.at(-1)).toMatchObject({ type: 'text-end', finishReason: called ? 'tool-calls' : 'stop' })
    const ids = events.flatMap((event) => (event.type === 'tool-input-start' ? [event.id] : []))
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^call_[0-9a-f]{24}$/)
  })

  test.each(fixtures)('%s: the same wherever it is cut', (_, shape, answer, expected) => {
    for (let at = 1; at < answer.length; at++) {
      expect(told(parse([answer.slice(0, at), answer.slice(at)], shape)), `cut at ${at}`).toEqual(expected)
    }
    expect(
      told(
        parse(
          Array.from({ length: answer.length }, (_, at) => answer.charAt(at)),
          shape,
        ),
      ),
    ).toEqual(expected)
  })

  test('arguments are told as they come', () => {
    const parser = new AnswerParser(0, { tools, reasoningBegun: false, parallel: true, format: hermes })
    parser.push('<tool_call>\n{"name": "get_time", "arguments": {"ci')
    expect(parser.push('ty": "Pa')).toEqual([
      { type: 'tool-input-delta', choiceIndex: 0, toolIndex: 0, delta: 'ty": "Pa' },
    ])
  })
})

describe('anything a model may write', () => {
  const formats = [harmony, deepseekFenced, deepseekBare, mistralNamed, mistralList, llama, xmlParameters, hermes, json]
  const scraps = fixtures.flatMap(([, , answer]) => answer.match(/<[^<>]*>|\[[A-Z/_]+\]|"[^"]*"|\s+|./gu) ?? [])
  const answers = fc.array(fc.constantFrom(...new Set(scraps)), { maxLength: 60 })

  test('is told the same in any pieces, and nothing fails', () => {
    fc.assert(
      fc.property(answers, fc.constantFrom(...formats), fc.boolean(), (pieces, format, reasoningBegun) => {
        const shape = { format, reasoning: think, reasoningBegun }
        expect(told(parse(pieces, shape))).toEqual(told(parse([pieces.join('')], shape)))
      }),
      { numRuns: 2000 },
    )
  })

  test('is told in full where it holds no call and no thought', () => {
    fc.assert(
      fc.property(
        answers,
        fc.constantFrom(mistralNamed, mistralList, deepseekBare, llama, hermes, json),
        (pieces, format) => {
          const answer = pieces.join('')
          const nothingKnown = parse([answer], { format, tools: new Set() })
          expect(told(nothingKnown)).toEqual(answer === '' ? [] : [text(answer)])
        },
      ),
      { numRuns: 1000 },
    )
  })
})

test.each([
  ['{%- for tool in tools %}…<tool_call>', 'hermes'],
  ["'<tool_call>\n<function=' + name + '>' … '<parameter=' + key", 'xml-parameters'],
  ['{{ "<|python_tag|>" }}', 'llama'],
  ['[AVAILABLE_TOOLS] [TOOL_CALLS]', 'mistral-list'],
  ['[TOOL_CALLS] name [ARGS]', 'mistral-named'],
  ["'<｜tool▁calls▁begin｜>' ```json", 'deepseek-fenced'],
  ["'<｜tool▁calls▁begin｜>'", 'deepseek-bare'],
  ['<|start|>assistant<|channel|>', 'harmony'],
  ['{{ messages }}', 'json'],
])('the template %s is read as %s', (template, name) => {
  expect(toolFormatOf(template).name).toBe(name)
})

test('a template tells whether its model thinks', () => {
  expect(reasoningTagsOf("{{ content.split('</think>') }}")).toEqual(think)
  expect(reasoningTagsOf('[THINK]')?.close).toBe('[/THINK]')
  expect(reasoningTagsOf('{{ messages }}')).toBeUndefined()
})
