import fc from 'fast-check'
import { expect, test } from 'vitest'
import { project } from './projection.ts'

const day = 86_400_000
const period = { start: Date.UTC(2026, 10, 1), end: Date.UTC(2026, 11, 1) }
const now = Date.UTC(2026, 10, 11)
const budget = { window: 'month', usd: 100, period, spent: 30 } as const

test('goes on at the rate of the last week', () => {
  // Two dollars a day, for twenty days more.
  expect(project(budget, { usd: 14, first: now - 60 * day }, now)).toEqual({ projected: 70 })
  // Five a day: the seventy that are left last for fourteen days.
  const faster = project(budget, { usd: 35, first: now - 7 * day }, now)
  expect(faster).toEqual({ projected: 130, usedUpAt: now + 14 * day })
})

test('a key that is two days old is not taken for one that rested before', () => {
  expect(project({ ...budget, spent: 4 }, { usd: 4, first: now - 2 * day }, now)?.projected).toBe(44)
})

test('a first request says little: its rate is that of seven hours at least', () => {
  expect(project({ ...budget, spent: 7 }, { usd: 7, first: now - 1000 }, now)?.projected).toBeCloseTo(7 + 20 * 24)
})

test('minutes and seconds are too short to say anything', () => {
  expect(project({ ...budget, window: 'minute' }, { usd: 1 }, now)).toBeUndefined()
})

test('is a number, never below what was spent', () => {
  const amount = fc.double({ min: 0, max: 1e9, noNaN: true })
  const window = fc.constantFrom('hour' as const, 'day' as const, 'week' as const, 'month' as const)
  const age = fc.option(fc.integer({ min: -1000, max: 400 * day }), { nil: undefined })
  fc.assert(
    fc.property(amount, amount, amount, window, age, (spent, usd, lately, window, age) => {
      const first = age === undefined ? undefined : now - age
      const made = project({ window, usd, period, spent }, { usd: lately, first }, now)
      expect(made?.projected).toBeGreaterThanOrEqual(spent)
      expect(made?.projected).toBeLessThan(Infinity)
      if (made?.usedUpAt !== undefined) expect(made.usedUpAt).toBeGreaterThanOrEqual(now)
    }),
  )
})
