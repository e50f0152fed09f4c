// What every dialect must do. A new dialect calls this with how it is asked and how its events are told apart.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InferloomError } from '../../src/canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../src/canonical/events.ts'
import type { AnswerWriter, Dialect } from '../../src/dialects/dialect.ts'
import { anyAnswer, batched, eventsOf, saidIn, type CanonicalAnswer } from './canonical-answer.ts'
import { withoutGapsOf } from './crossings.ts'
import type { DialectAsk } from './dialect-asks.ts'
import { errorReadings } from './reading/errors.ts'
import { payloadsOf } from './reading/said.ts'

export interface DialectUnderTest {
  readonly dialect: Dialect
  readonly ask: DialectAsk
  /** Whether an event begins the answer, of which there is one; absent where events are all alike. */
  readonly begins?: (payload: unknown) => boolean
  /** Whether answers hold text alone. */
  readonly textOnly?: boolean
  /** In which of its forms the answer is wanted, where there are several. */
  readonly alt?: string
}

export function dialectSuite({ dialect, ask, begins, textOnly = false, alt }: DialectUnderTest): void {
  const writer = (stream: boolean): AnswerWriter => {
    const wanted = { model: 'm', stream, logprobs: ask.name !== 'anthropic-messages', thoughts: true }
    const { body } = ask.request({ ...wanted, tools: ['f'], translated: false, keptId: '' })
    const { tools: _, ...withoutTools } = body as Record<string, unknown>
    const address = { model: 'm', stream, ...(alt !== undefined && { alt }) }
    const parsed = dialect.parse(textOnly ? withoutTools : body, address)
    expect(parsed.stream).toBe(stream)
    return parsed.writer('0'.repeat(32))
  }
  const streamed = (batches: readonly (readonly StreamEvent[])[]) => {
    const out = writer(true)
    return batches.map((batch) => out.chunk(batch)).join('') + out.end()
  }
  const given = (answer: CanonicalAnswer): CanonicalAnswer =>
    textOnly ? { ...answer, thoughts: [], calls: [], finish: calledNothing(answer.finish) } : answer
  const expected = (answer: CanonicalAnswer) => withoutGapsOf(ask.name, saidIn(answer))
  const eventsIn = (text: string) => (text.startsWith('[') ? (JSON.parse(text) as unknown[]) : payloadsOf(text))

  describe(`${ask.name}${alt === undefined ? '' : ` (${alt})`} keeps the dialect's contract`, () => {
    test('any answer is read as it was given, whole and streamed, however its events arrive', () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
      const property = fc.property(anyAnswer, sizes, (any, each) => {
        const answer = given(any)
        const events = eventsOf(answer)
        expect(ask.read(writer(false).whole(events), false)).toEqual(expected(answer))
        expect(ask.read(streamed(batched(events, each)), true)).toEqual(expected(answer))
      })
      fc.assert(property, { numRuns: 150 })
    })

    if (begins) {
      test('a stream begins once, with whatever comes first', () => {
        const property = fc.property(anyAnswer, (any) => {
          const events = eventsOf(given(any))
          const payloads = eventsIn(streamed(events.map((event) => [event])))
          expect(payloads.filter(begins)).toHaveLength(1)
          expect(payloads.findIndex(begins)).toBe(0)
        })
        fc.assert(property, { numRuns: 50 })
      })
    }

    test('what has come is written at once: nothing of an answer waits for its end', () => {
      const out = writer(true)
      const texts = ['One', ' two', ' three']
      for (const text of texts) expect(out.chunk([{ type: 'text-delta', choiceIndex: 0, text }])).toContain(text)
    })

    test.for<[FinishReason]>([['stop'], ['length'], ['content-filter']])(
      '%s is told as this wire tells it',
      ([finish]) => {
        const answer = { ...plain, finish }
        expect(ask.read(writer(false).whole(eventsOf(answer)), false).finish).toBe(finish)
        expect(ask.read(streamed([eventsOf(answer)]), true).finish).toBe(finish)
      },
    )

    test('an error in the middle is an event of this wire’s own, after all that came before it, and the last', () => {
      const error = new InferloomError('provider_timeout', 'The provider fell silent.', { fault: { provider: 'p' } })
      const property = fc.property(anyAnswer, fc.nat(), (any, at) => {
        const events = eventsOf(given(any)).slice(0, -1)
        const before = events.slice(0, 1 + (at % events.length))
        const out = writer(true)
        const begun = before.map((event) => out.chunk([event])).join('')
        const whole = begun + out.fail(error)
        const payloads = eventsIn(whole)
        const errors = payloads.flatMap((payload) => errorReadings[ask.name]?.(payload) ?? [])
        expect(errors.at(-1)).toMatchObject({ message: 'The provider fell silent.', kind: 'other' })
        expect(errorReadings[ask.name]?.(payloads.at(-1))).toBeDefined()
        expect(whole.startsWith(begun)).toBe(true)
      })
      fc.assert(property, { numRuns: 50 })
    })

    test('a stream that is passed on can end with the same error', () => {
      const error = new InferloomError('provider_timeout', 'The provider fell silent.')
      const [payload, ...more] = payloadsOf(dialect.failEvent?.(error) ?? '')
      expect(more).toEqual([])
      expect(errorReadings[ask.name]?.(payload)).toMatchObject({ message: 'The provider fell silent.' })
    })
  })
}

const plain: CanonicalAnswer = {
  thoughts: [],
  texts: [{ text: 'Hello', logprob: -0.5 }],
  calls: [],
  mixed: false,
  finish: 'stop',
  usage: { inputTokens: { total: 3, cacheRead: 0 }, outputTokens: { total: 1, reasoning: 0 } },
}

function calledNothing(finish: FinishReason): FinishReason {
  return finish === 'tool-calls' ? 'stop' : finish
}
