import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sizeOf, type KeptAnswer, type Piece } from './kept-answer.ts'
import { readAnswer, writtenAnswer } from './written-answer.ts'

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ bytes: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)), ends: fc.boolean() }),
  fc.record({
    events: fc.array(
      fc.record({ type: fc.constant('text-delta' as const), choiceIndex: fc.nat(3), text: fc.string() }),
      {
        maxLength: 3,
      },
    ),
  }),
)

test('what was written is read as it was', () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), (pieces) => {
      const answer: KeptAnswer = {
        head: { status: 200, headers: { 'content-type': 'text/event-stream' } },
        pieces,
        summary: { usage: undefined, finishReason: 'stop', provider: 'p', model: 'm', answeredBy: undefined },
        size: pieces.reduce((sum, each) => sum + sizeOf(each), 0),
        keptAt: 1000,
      }
      expect(readAnswer(writtenAnswer(answer))).toEqual(answer)
    }),
  )
})

const whole = {
  head: { status: 200, headers: { 'content-type': 'application/json' } },
  pieces: [{ bytes: 'SGk=', ends: true }],
  summary: { provider: 'p', model: 'm' },
  keptAt: 1,
}

test.each([
  ['no JSON', 'x'],
  ['null', 'null'],
  ['no pieces', { ...whole, pieces: [] }],
  ['a piece that is none', { ...whole, pieces: [{ bytes: 1, ends: true }] }],
  ['an event that is none', { ...whole, pieces: [{ events: [null] }] }],
  ['a status that is none', { ...whole, head: { status: 99, headers: {} } }],
  ['a header that begins another', { ...whole, head: { status: 200, headers: { 'content-type': 'a\r\nb: c' } } }],
  ['nobody who gave it', { ...whole, summary: {} }],
  ['no time', { ...whole, keptAt: '1' }],
])('what others put there is no answer: %s', (_, value) => {
  expect(readAnswer(typeof value === 'string' ? value : JSON.stringify(value))).toBeUndefined()
})

test('other headers are left out, its size is counted anew, and it is not of the future', () => {
  const head = { status: 200, headers: { 'content-type': 'text/plain', 'set-cookie': 'a=b' } }
  const read = readAnswer(JSON.stringify({ ...whole, head, size: -1e9, keptAt: 1e15 }))
  expect(read?.head).toEqual({ status: 200, headers: { 'content-type': 'text/plain' } })
  expect(read?.size).toBe(66)
  expect(read?.keptAt).toBeLessThanOrEqual(Date.now())
})
