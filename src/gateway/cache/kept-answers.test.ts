import { expect, test } from 'vitest'
import { InferloomError } from '../../canonical/errors.ts'
import type { AnswerReader } from '../question.ts'
import type { AnswerSummary, CacheAsked } from './answer-cache.ts'
import { KeptAnswers, type CacheParts } from './kept-answers.ts'

const summary = { usage: undefined, finishReason: 'stop' as const, provider: 'p', model: 'm', answeredBy: undefined }
const settings = { sampled: true, scope: 'all', ttlSeconds: 60, memoryMB: 1, maxAnswerMB: 1 } as const
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

function ask(signal = new AbortController().signal): CacheAsked {
  const body = { messages: [{ role: 'user', content: 'Hello' }] }
  const caller: CacheAsked['caller'] = { keyId: 'k', name: 'k', scopes: new Set() }
  return {
    caller,
    wire: 'openai-chat',
    model: 'm',
    stream: false,
    body,
    text: JSON.stringify(body),
    wish: 'on',
    signal,
  }
}

class Reader implements AnswerReader {
  text = ''
  begin(): void {}
  take(bytes: Uint8Array): undefined {
    this.text += Buffer.from(bytes).toString()
  }
  takeEvents(): undefined {}
}

/** Answers that are being made, each ended by its own promise, or by the leaving of all who read it. */
function maker() {
  const made: PromiseWithResolvers<void>[] = []
  const outcomes: string[] = []
  const steps = {
    outcome: (outcome: string) => void outcomes.push(outcome),
    make: async (reader: AnswerReader, signal: AbortSignal): Promise<AnswerSummary> => {
      const over = Promise.withResolvers<void>()
      made.push(over)
      // As a provider does: it notices later that nobody reads any more.
      signal.addEventListener('abort', () => setTimeout(() => over.reject(signal.reason), 20))
      await over.promise
      reader.begin({ status: 200, headers: {} })
      void reader.take(Buffer.from('whole'))
      return summary
    },
  }
  return { made, outcomes, steps }
}

test('whoever asks while an answer that all have left is being given up is given one of its own, which others join', async () => {
  const cache = new KeptAnswers({ settings })
  const { made, outcomes, steps } = maker()
  const leaving = new AbortController()
  const first = cache.answer(ask(leaving.signal), new Reader(), steps).catch((error: unknown) => error)
  leaving.abort(new InferloomError('client_closed', 'Left.'))
  expect(await first).toMatchObject({ code: 'client_closed' })
  const [second, third] = [new Reader(), new Reader()]
  const answers = [cache.answer(ask(), second, steps)]
  // Until the one that was left has noticed: it must not take the new one out of the list.
  await new Promise((resolve) => setTimeout(resolve, 40))
  answers.push(cache.answer(ask(), third, steps))
  await turn()
  made[1]?.resolve()
  expect(await Promise.all(answers)).toEqual([summary, summary])
  expect([second.text, third.text]).toEqual(['whole', 'whole'])
  expect(outcomes).toEqual(['miss', 'miss', 'shared'])
  expect(cache.report().inFlight).toBe(0)
})

test('the same request twice is asked once, also where both look for one of the same meaning first', async () => {
  const looking = Promise.withResolvers<undefined>()
  const semantic = {
    wants: () => true,
    find: () => looking.promise,
    kept: () => {},
  } as unknown as CacheParts['semantic']
  const cache = new KeptAnswers({ settings, semantic: semantic! })
  const { made, outcomes, steps } = maker()
  const answers = [1, 2, 3].map(() => cache.answer(ask(), new Reader(), steps))
  await turn()
  looking.resolve(undefined)
  await turn()
  expect(made).toHaveLength(1)
  made[0]?.resolve()
  expect(await Promise.all(answers)).toEqual([summary, summary, summary])
  expect(outcomes.toSorted()).toEqual(['miss', 'shared', 'shared'])
})

test('an answer that cannot be kept is given all the same', async () => {
  const second = {
    get: () => Promise.resolve(undefined),
    set: () => {
      throw new Error('full')
    },
    close: () => Promise.resolve(),
  } as unknown as NonNullable<CacheParts['second']>
  const cache = new KeptAnswers({ settings, second })
  const { made, steps } = maker()
  const reader = new Reader()
  const answer = cache.answer(ask(), reader, steps)
  await turn()
  made[0]?.resolve()
  expect(await answer).toEqual(summary)
  expect([reader.text, cache.report().inFlight]).toEqual(['whole', 0])
})
