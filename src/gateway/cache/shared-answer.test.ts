import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AnswerReader } from '../question.ts'
import { SharedAnswer } from './shared-answer.ts'

const summary = { usage: undefined, finishReason: 'stop' as const, provider: 'p', model: 'm', answeredBy: undefined }
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Reads as slowly as it is told, and leaves after so many pieces. */
class Reader implements AnswerReader {
  text = ''
  readonly controller = new AbortController()
  readonly #turnsEach: number
  #left: number

  constructor(turnsEach: number, leavesAfter = Infinity) {
    this.#turnsEach = turnsEach
    this.#left = leavesAfter
  }

  begin(): void {}

  take(bytes: Uint8Array): Promise<void> | undefined {
    this.text += Buffer.from(bytes).toString()
    if (--this.#left === 0) this.controller.abort(new Error('left'))
    return this.#turnsEach === 0 ? undefined : this.#wait()
  }

  takeEvents(): undefined {}

  async #wait(): Promise<void> {
    for (let each = 0; each < this.#turnsEach; each++) await turn()
  }
}

const reader = fc.record({
  joinsAfter: fc.integer({ min: 0, max: 12 }),
  turnsEach: fc.integer({ min: 0, max: 3 }),
  leavesAfter: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 12 })),
})

test('whoever stays is given all of it, whenever they came and however slowly they read; who leaves changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 12 }),
      fc.array(reader, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('ends' as const, 'fails' as const),
      async (pieces, others, ending) => {
        const shared = new SharedAnswer(1_000_000)
        const first = new Reader(0)
        const joined: { reader: Reader; stays: boolean; done: Promise<unknown> }[] = []
        const join = (reader: Reader, stays: boolean, pays = false) => {
          const done = shared.follow(reader, reader.controller.signal, pays).catch((error: unknown) => error)
          joined.push({ reader, stays, done })
        }
        join(first, true, true)
        shared.begin({ status: 200, headers: {} })
        for (let at = 0; at <= pieces.length; at++) {
          for (const { joinsAfter, turnsEach, leavesAfter } of others) {
            if (joinsAfter === at) join(new Reader(turnsEach, leavesAfter), leavesAfter > pieces.length)
          }
          const piece = pieces[at]
          if (piece !== undefined) await shared.take(Buffer.from(piece))
          await turn()
        }
        if (ending === 'ends') shared.finish(summary)
        else shared.fail(new Error('broken'))
        const whole = pieces.join('')
        for (const { reader, stays, done } of joined) {
          const outcome = await done
          if (!stays) continue
          expect(reader.text).toBe(whole)
          if (ending === 'ends') expect(outcome).toBe(summary)
          else expect(outcome).toMatchObject({ message: 'broken' })
        }
        expect(shared.controller.signal.aborted).toBe(false)
      },
    ),
    { numRuns: 200, verbose: true },
  )
})

test('when everybody has left, whoever makes it is told to stop', async () => {
  const shared = new SharedAnswer(1000)
  const readers = [new Reader(0), new Reader(0)]
  const following = readers.map((each) => shared.follow(each, each.controller.signal, false).catch(() => {}))
  readers[0]?.controller.abort(new Error('left'))
  await turn()
  expect(shared.controller.signal.aborted).toBe(false)
  readers[1]?.controller.abort(new Error('left'))
  await Promise.all(following)
  expect(shared.controller.signal.aborted).toBe(true)
})

test('a slow reader holds back whoever makes the answer, and what all have read of a large one is let go', async () => {
  const shared = new SharedAnswer(300_000)
  let go = () => {}
  const waiting = new Promise<void>((resolve) => (go = resolve))
  let read = 0
  const slow: AnswerReader = {
    begin() {},
    take: (bytes) => {
      read += bytes.length
      return read > 100_000 ? waiting : undefined
    },
    takeEvents() {
      return undefined
    },
  }
  const { signal } = new AbortController()
  const following = shared.follow(slow, signal, true)
  let sent = 0
  const sending = (async () => {
    for (; sent < 20; sent++) await shared.take(Buffer.alloc(50_000))
    shared.finish(summary)
  })()
  for (let each = 0; each < 50; each++) await turn()
  expect(sent).toBeLessThan(20)
  go()
  await Promise.all([sending, following])
  expect(read).toBe(1_000_000)
  expect(shared.isWhole).toBe(false)
  expect(shared.kept(summary, 0)).toBe(undefined)
})
