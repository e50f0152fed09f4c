import { expect, test } from 'vitest'
import { AnswerLengths, kindOfLength } from './answer-lengths.ts'

test('lengths are told apart by what asks for them, and until that is known, all are looked at', () => {
  const lengths = new AnswerLengths()
  expect(lengths.expected(kindOfLength('r', 100))).toBeUndefined()
  for (let answer = 0; answer < 20; answer++) {
    lengths.add(10, kindOfLength('r', 16), answer)
    lengths.add(900, kindOfLength('r', 1500), answer)
    lengths.add(250, kindOfLength('s', 1500), answer)
  }
  expect(lengths.expected(kindOfLength('r', 16))?.p50).toBeCloseTo(10, 0)
  expect(lengths.expected(kindOfLength('r', 1500))?.p50).toBeCloseTo(900, -2)
  expect(lengths.expected(kindOfLength('s', 1500))?.p50).toBeCloseTo(250, -2)
  expect(lengths.expected(kindOfLength('r', undefined))).toMatchObject({ isOfKind: false })
  expect(lengths.expected(kindOfLength('s', 1500))).toMatchObject({ isOfKind: true })
})

test('those without tokens are of a kind, and say nothing of others', () => {
  const lengths = new AnswerLengths()
  for (let answer = 0; answer < 5; answer++) lengths.add(0, kindOfLength('vectors', undefined), answer)
  expect(lengths.expected(kindOfLength('vectors', undefined))?.p50).toBeLessThan(2)
  expect(lengths.expected(kindOfLength('r', undefined))).toBeUndefined()
})

test('whatever clients allow, kinds are bounded, and the latest stay', () => {
  const lengths = new AnswerLengths()
  for (let kind = 0; kind < 2000; kind++) for (let each = 0; each < 3; each++) lengths.add(50, `r ${kind}`, kind)
  expect(lengths.expected('r 1999')).toMatchObject({ isOfKind: true })
  expect(lengths.expected('r 1000')).toMatchObject({ isOfKind: false })
  expect(kindOfLength('r', 0)).toBe(kindOfLength('r', 1))
  expect(kindOfLength('r', 1e300)).toMatch(/^r \d+$/)
})
