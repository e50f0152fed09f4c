import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SlidingSum } from './sliding-sum.ts'

const windowMs = 60_000

test('no window of its length, wherever it begins, has more in it than the limit', () => {
  const requests = fc.array(
    fc.record({ after: fc.integer({ min: 0, max: 5000 }), amount: fc.integer({ min: 1, max: 40 }) }),
    {
      maxLength: 300,
    },
  )
  fc.assert(
    fc.property(requests, fc.integer({ min: 40, max: 200 }), (asked, limit) => {
      const sum = new SlidingSum(windowMs)
      const sent: { at: number; amount: number }[] = []
      let now = 0
      for (const { after, amount } of asked) {
        now += after
        // As long as it takes, and not a moment less.
        for (let wait = sum.waitMs(amount, limit, now); wait > 0; wait = sum.waitMs(amount, limit, now))
          now += Math.ceil(wait)
        sum.add(amount, now)
        sent.push({ at: now, amount })
      }
      for (const { at } of sent) {
        const within = sent.filter((each) => each.at >= at && each.at < at + windowMs)
        expect(within.reduce((total, { amount }) => total + amount, 0)).toBeLessThanOrEqual(limit)
      }
    }),
    { verbose: true },
  )
})

test('what was taken is corrected, also to less, and forgotten after the window', () => {
  const sum = new SlidingSum(windowMs)
  const part = sum.add(100, 0)
  sum.correct(part, 30, 1000)
  expect(sum.total(1000)).toBe(30)
  expect(sum.waitMs(70, 100, 1000)).toBe(0)
  expect(sum.waitMs(71, 100, 1000)).toBeGreaterThan(50_000)
  expect(sum.total(2 * windowMs)).toBe(0)
  // What comes too late corrects nothing that is there now.
  sum.add(5, 2 * windowMs)
  sum.correct(part, 90, 2 * windowMs)
  expect(sum.total(2 * windowMs)).toBe(5)
})
