import { expect, test } from 'vitest'
import { AnswerParser, type AnswerShape } from './answer-parser.ts'
import { hermes } from './tools/hermes.ts'

const shape: AnswerShape = {
  format: hermes,
  tools: new Set(['f']),
  reasoning: { open: '<think>', close: '</think>' },
  reasoningBegun: false,
  parallel: true,
}

function run(tokens: readonly string[]) {
  const parser = new AnswerParser(2, shape)
  const push = (token: string) => parser.push(token, [{ token, logprob: -1, bytes: [...Buffer.from(token)], top: [] }])
  return { events: [...tokens.flatMap(push), ...parser.end('stop')], parser }
}

test('log probabilities are those of the text, and of all of it', () => {
  const { events } = run([
    '<think>',
    'Hm',
    '</think>',
    '\n\n',
    'So',
    ' ',
    '<b',
    '> ',
    '<tool_',
    'call>',
    '{"name": "f"}',
    '</tool_call>',
    ' ok',
  ])
  const tokens = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []))
  expect(tokens.map(({ token }) => token)).toEqual(['So', ' ', '<b', '> ', ' ok'])
})

test('text without markup keeps every log probability', () => {
  const tokens = ['Once', ' upon', '', ' a', ' time', '. ']
  const { events } = run(tokens)
  expect(
    events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : [])).map(({ token }) => token),
  ).toEqual(tokens)
})

test('tokens of reasoning are counted, and events carry the choice', () => {
  const { events, parser } = run(['<think>', 'a', ' b', ' c', '</think>', 'Yes', '.'])
  expect(parser.reasoningTokens).toBeGreaterThanOrEqual(3)
  expect(parser.reasoningTokens).toBeLessThanOrEqual(5)
  expect(events.every((event) => 'choiceIndex' in event && event.choiceIndex === 2)).toBe(true)
})
