import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rollUpSums } from '../../storage/ledger/roll-up.ts'
import type { UsageLine } from '../../storage/ledger/usage-query.ts'
import { projected } from './projection.ts'

const nothing = Object.fromEntries(rollUpSums.map((name) => [name, 0])) as Omit<UsageLine, 'group' | 'name'>

/** The sums of requests that cost so much. */
function lineOf(costs: readonly number[], unpriced = 0): UsageLine {
  return {
    ...nothing,
    group: 'up/m',
    name: null,
    requests: costs.length + unpriced,
    priced: costs.length,
    unpriced,
    cost_usd: costs.reduce((sum, cost) => sum + cost, 0),
    cost_squares: costs.reduce((sum, cost) => sum + cost * cost, 0),
  }
}

test('the mean and its interval are those of the requests, however they are spread over lines', () => {
  const cost = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 10_000)
  fc.assert(
    fc.property(fc.array(cost, { minLength: 30, maxLength: 200 }), fc.nat(30), (costs, cut) => {
      const { usd_per_day: day, usd_per_month: month } = projected(
        [lineOf(costs.slice(0, cut)), lineOf(costs.slice(cut))],
        1000,
      )
      const mean = costs.reduce((sum, each) => sum + each, 0) / costs.length
      const variance = costs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (costs.length - 1)
      const wide = 1.96 * Math.sqrt(variance / costs.length)
      expect(day.mean).toBeCloseTo(mean * 1000, 6)
      expect(day.low).toBeCloseTo(Math.max(0, mean - wide) * 1000, 3)
      expect(day.high).toBeCloseTo((mean + wide) * 1000, 3)
      expect(month.mean).toBeCloseTo(mean * 30_000, 5)
    }),
  )
})

test('of few requests there is no interval, of none with a known price no cost at all', () => {
  expect(projected([lineOf([0.5, 0.5])], 10).usd_per_day).toEqual({ mean: 5, low: null, high: null })
  const unknown = projected([lineOf([], 40)], 10)
  expect(unknown.usd_per_day).toEqual({ mean: null, low: null, high: null })
  expect(unknown.measured).toEqual({ priced: 0, unpriced: 40, mean_cost_usd: null })
  expect(projected([lineOf([1], 3)], 10).method).toContain('3 requests whose price is unknown are left out')
})
