// https://platform.openai.com/docs/api-reference/completions
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import { collect } from '../../dialects/collect.ts'
import { openaiCompletionsWire } from './openai-completions.ts'

const hello: GenerateRequest = {
  model: 'm',
  input: { kind: 'text', prompts: ['Once'] },
  n: 1,
  stop: [],
  sampling: {},
}

const wire = openaiCompletionsWire({ fields: { top_k: 'top_k', min_p: null, logprobs: null } })

function bodyOf(request: Partial<GenerateRequest>): unknown {
  return JSON.parse(wire.request({ ...hello, ...request }, { provider: 'acme', stream: false }).body)
}

test('one prompt is itself; several, and token ids, are lists', () => {
  expect(bodyOf({})).toEqual({ model: 'm', prompt: 'Once' })
  expect(bodyOf({ input: { kind: 'text', prompts: ['a', 'b'] } })).toMatchObject({ prompt: ['a', 'b'] })
  expect(bodyOf({ input: { kind: 'text', prompts: [[1, 2]] } })).toMatchObject({ prompt: [1, 2] })
  const asked = { n: 3, maxOutputTokens: 4, stop: ['.'], sampling: { temperature: 1, topK: 5 } }
  expect(bodyOf(asked)).toEqual({
    model: 'm',
    prompt: 'Once',
    n: 3,
    max_tokens: 4,
    stop: ['.'],
    temperature: 1,
    top_k: 5,
  })
})

test.each([
  [{ topLogprobs: 2 }, 'logprobs'],
  [{ sampling: { minP: 0.5 } }, 'min_p'],
  [{ sampling: { repeatPenalty: 1.5 } }, 'repeat_penalty'],
  [{ tools: [{ name: 'f' }] }, 'tools'],
  [{ responseFormat: { type: 'json' } as const }, 'response_format'],
])('%j is refused by name', (request, param) => {
  expect(() => bodyOf(request)).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param }))
})

test('choices, log probabilities, stop strings and usage', () => {
  const reader = wire.reader()
  const logprobs = {
    tokens: [' up'],
    token_logprobs: [-0.5],
    top_logprobs: [{ ' up': -0.5, ' on': -1 }],
    text_offset: [4],
  }
  const bodies = [
    { id: 'c', model: 'm-1', choices: [{ index: 0, text: ' up', logprobs, finish_reason: null }] },
    { id: 'c', choices: [{ index: 1, text: 'x', finish_reason: 'length' }] },
    { id: 'c', choices: [{ index: 0, text: '', finish_reason: 'stop', stop_reason: 'END' }] },
    { id: 'c', choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
  ]
  const events: StreamEvent[] = bodies.flatMap((body) => reader.read({ data: JSON.stringify(body) }))
  events.push(...reader.end())
  const { choices, usage, metadata } = collect(events)
  expect(metadata).toEqual({ id: 'c', model: 'm-1' })
  expect(choices[0]).toMatchObject({ text: ' up', finishReason: 'stop', stopString: 'END' })
  expect(choices[0]?.logprobs).toMatchObject([
    { token: ' up', logprob: -0.5, bytes: [32, 117, 112], top: [{ token: ' up' }, { token: ' on', logprob: -1 }] },
  ])
  expect(choices[1]).toMatchObject({ text: 'x', finishReason: 'length' })
  expect(usage).toMatchObject({ inputTokens: { total: 1 }, outputTokens: { total: 2 } })
})

test('a stream that is cut is none', () => {
  const reader = wire.reader()
  reader.read({ data: '{"choices":[{"index":0,"text":"a","finish_reason":null}]}' })
  expect(() => reader.end()).toThrow('ended before it was complete')
})

test('whatever JSON comes, it is understood or refused', () => {
  fc.assert(
    fc.property(
      fc.record({ choices: fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())), usage: fc.jsonValue() }),
      (body) => {
        try {
          wire.whole(body)
        } catch (error) {
          expect(error).toBeInstanceOf(InferloomError)
        }
      },
    ),
  )
})
