import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import { errorBody } from './error-body.ts'
import { geminiModels } from './models.ts'
import { GeminiWriter } from './render.ts'
import { unpackSeals } from './sealed-thoughts.ts'

interface Candidate {
  readonly content: { readonly parts: readonly Record<string, unknown>[] }
  readonly finishReason?: string
  readonly [field: string]: unknown
}
interface Response {
  readonly candidates: readonly Candidate[]
  readonly usageMetadata?: object
}

const choiceIndex = 0
const finish: StreamEvent = {
  type: 'finish',
  usage: { inputTokens: { total: 9, cacheRead: 4 }, outputTokens: { total: 7, reasoning: 2 } },
}
const end: StreamEvent = { type: 'text-end', choiceIndex, finishReason: 'stop' }
const call = (text: readonly string[]): StreamEvent[] => [
  { type: 'tool-input-start', choiceIndex, toolIndex: 0, id: 'call_a', toolName: 'f', signature: own },
  ...text.map((delta) => ({ type: 'tool-input-delta', choiceIndex, toolIndex: 0, delta }) as const),
  { type: 'tool-input-end', choiceIndex, toolIndex: 0 },
]
const own = { wire: 'gemini', value: 'c2ln' }
const foreign = { wire: 'anthropic-messages', value: 's' }

function writer(more: Partial<ConstructorParameters<typeof GeminiWriter>[0]> = {}): GeminiWriter {
  return new GeminiWriter({ id: '1', model: 'm', sse: true, thoughts: false, ...more })
}

function whole(events: readonly StreamEvent[], thoughts = false): Response {
  return JSON.parse(writer({ thoughts }).whole(events)) as Response
}

test('an answer has its parts, its usage and its name', () => {
  const metadata: StreamEvent = { type: 'response-metadata', id: 'theirs', model: 'm-2026' }
  const said = ['Hel', 'lo'].map((text): StreamEvent => ({ type: 'text-delta', choiceIndex, text }))
  expect(whole([metadata, ...said, ...call(['{"x"', ':1}']), end, finish])).toEqual({
    candidates: [
      {
        content: {
          parts: [
            { text: 'Hello' },
            { functionCall: { id: 'call_a', name: 'f', args: { x: 1 } }, thoughtSignature: 'c2ln' },
          ],
          role: 'model',
        },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: {
      promptTokenCount: 9,
      candidatesTokenCount: 5,
      totalTokenCount: 16,
      cachedContentTokenCount: 4,
      thoughtsTokenCount: 2,
    },
    modelVersion: 'm-2026',
    responseId: '1',
  })
})

describe('thoughts', () => {
  const thought: StreamEvent = { type: 'reasoning-delta', choiceIndex, text: 'Hm' }
  const said: StreamEvent = { type: 'text-delta', choiceIndex, text: 'Yes' }
  const sealed = (signature: typeof own): StreamEvent => ({ type: 'reasoning-end', choiceIndex, signature })
  const partsOf = (events: readonly StreamEvent[], shown: boolean) =>
    whole([...events, end, finish], shown).candidates[0]?.content.parts ?? []

  test('that Google sealed are sealed where it did', () => {
    expect(partsOf([thought, said, sealed(own)], true)).toEqual([
      { text: 'Hm', thought: true },
      { text: 'Yes', thoughtSignature: 'c2ln' },
    ])
    expect(partsOf([thought, said, sealed(own)], false)).toEqual([{ text: 'Yes', thoughtSignature: 'c2ln' }])
  })

  test('that another sealed carry it with a mark, and their text where it is not shown', () => {
    const [shown, answer] = partsOf([thought, sealed(foreign), said], true)
    expect(shown).toMatchObject({ text: 'Hm', thought: true })
    expect(unpackSeals(String(shown?.['thoughtSignature']))).toEqual({ signature: foreign })
    expect(answer).toEqual({ text: 'Yes' })
    const [hidden] = partsOf([thought, sealed(foreign), said], false)
    expect(hidden).toMatchObject({ text: '', thought: true })
    expect(unpackSeals(String(hidden?.['thoughtSignature']))).toEqual({ signature: foreign, text: 'Hm' })
  })
})

test.each(['{"x":', '[1]', 'null', '"text"'])('a call whose arguments are %s is malformed, not run', (text) => {
  const [candidate] = whole([...call([text]), { ...end, finishReason: 'tool-calls' }, finish]).candidates
  expect(candidate).toMatchObject({
    content: { parts: [{ text: '' }] },
    finishReason: 'MALFORMED_FUNCTION_CALL',
    finishMessage: `Malformed function call: f(${text})`,
  })
})

test.each([
  ['length', undefined, 'MAX_TOKENS'],
  ['content-filter', undefined, 'SAFETY'],
  ['content-filter', 'RECITATION', 'RECITATION'],
  ['content-filter', 'content_filter', 'SAFETY'],
  ['tool-calls', 'STOP', 'STOP'],
] as const)('%s, in the provider’s word %s, is %s', (finishReason, raw, expected) => {
  const ended: StreamEvent = { ...end, finishReason, ...(raw !== undefined && { rawFinishReason: raw }) }
  expect(whole([ended, finish]).candidates[0]?.finishReason).toBe(expected)
})

test('sources are what an answer is grounded on, in Google’s own words where they are its own', () => {
  const source: StreamEvent = { type: 'source', choiceIndex, url: 'https://a.example/', title: 'A' }
  const chunks = { groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }] }
  expect(whole([source, end, finish]).candidates[0]).toMatchObject({ groundingMetadata: chunks })
  const groundingMetadata = { ...chunks, webSearchQueries: ['a'] }
  const raw: StreamEvent = { type: 'raw', choiceIndex, wire: 'gemini', value: { beside: { groundingMetadata } } }
  expect(whole([source, raw, end, finish]).candidates[0]).toMatchObject({ groundingMetadata })
})

describe('a stream', () => {
  const texts = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 10 })
  const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 })

  test.each([true, false])('says what the whole answer says, however it is cut (events: %s)', (sse) => {
    fc.assert(
      fc.property(texts, cuts, fc.json(), (said, sizes, args) => {
        const events: StreamEvent[] = [
          ...said.map((text, at): StreamEvent => ({ type: 'text-delta', choiceIndex: at % 2, text })),
          ...call(args.split(/(?<=,)/)),
          end,
          { ...end, choiceIndex: 1 },
          finish,
        ]
        const one = writer({ sse })
        let text = ''
        for (let at = 0, turn = 0; at < events.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1
          text += one.chunk(events.slice(at, at + size))
          at += size
        }
        text += one.end()
        const responses = sse
          ? text
              .split('\n\n')
              .flatMap((each) => (each === '' ? [] : [JSON.parse(each.slice('data: '.length)) as Response]))
          : (JSON.parse(text) as Response[])
        const expected = whole(events)
        expect(responses.at(-1)?.usageMetadata).toEqual(expected.usageMetadata)
        for (const index of [0, 1]) {
          const parts = responses.flatMap(({ candidates }) =>
            candidates.flatMap((each) => (each['index'] === index ? each.content.parts : [])),
          )
          const wanted = expected.candidates.find((each) => each['index'] === index)?.content.parts ?? []
          const summed = (list: readonly Record<string, unknown>[]) => [
            list.map(({ text }) => (typeof text === 'string' ? text : '')).join(''),
            list.flatMap((part) => part['functionCall'] ?? []),
          ]
          expect(summed(parts)).toEqual(summed(wanted))
        }
      }),
    )
  })

  test.each([
    [true, 'data: '],
    [false, '[{'],
  ])('that fails ends with the error (events: %s)', (sse, beginning) => {
    const error = new InferloomError('rate_limited', 'Slow down.', { retryAfterSeconds: 7, param: 'model' })
    const text = writer({ sse }).fail(error)
    expect(text.startsWith(beginning)).toBe(true)
    const value: unknown = JSON.parse(sse ? text.slice('data: '.length) : text.slice(1, -1))
    expect(value).toEqual(errorBody(error))
    expect(value).toMatchObject({
      error: {
        code: 429,
        status: 'RESOURCE_EXHAUSTED',
        details: [{ reason: 'RATE_LIMITED' }, { fieldViolations: [{ field: 'model' }] }, { retryDelay: '7s' }],
      },
    })
  })

  test('that says nothing is a list of nothing', () => {
    const empty = writer({ sse: false })
    expect(empty.chunk([]) + empty.end()).toBe('[]')
  })
})

test('models come in pages', () => {
  const models = Array.from({ length: 5 }, (_, index) => ({ id: `m${index}` }))
  const names = ({ models: page }: ReturnType<typeof geminiModels>) => page.map(({ name }) => name)
  const first = geminiModels(models, { pageSize: '3' })
  expect([names(first), first.nextPageToken]).toEqual([['models/m0', 'models/m1', 'models/m2'], '3'])
  const second = geminiModels(models, { pageSize: '3', pageToken: '3' })
  expect([names(second), second.nextPageToken]).toEqual([['models/m3', 'models/m4'], undefined])
  expect(() => geminiModels(models, { pageToken: '-1' })).toThrow(expect.objectContaining({ param: 'pageToken' }))
})
