import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from './seeded-random.ts'
import { distributionOf, meanOfSpans, noiseUnits, shareOf } from './statistics.ts'

const numbers = (count: number, draw: () => number) => Array.from({ length: count }, draw)

describe('distributions', () => {
  test('of 1 to 1000', () => {
    const shuffled = [...Array(1000).keys()].map((each) => ((each * 617) % 1000) + 1)
    const { count, mean, p50, p99, most } = distributionOf(shuffled) ?? expect.fail()
    expect([count, mean, most]).toEqual([1000, 500.5, 1000])
    expect(p50.value).toBe(500.5)
    expect(p99.value).toBeGreaterThanOrEqual(990)
    expect(p99.value).toBeLessThanOrEqual(991)
    // Binomial: 500 ± 1.96·√250
    expect(p50.low).toBeGreaterThan(460)
    expect(p50.low).toBeLessThan(475)
    expect(p50.high).toBeGreaterThan(525)
    expect(p50.high).toBeLessThan(540)
  })

  test('none, one, and all the same', () => {
    expect(distributionOf([])).toBeUndefined()
    expect(distributionOf([7])).toMatchObject({ p50: { value: 7, low: 7, high: 7 }, p99: { value: 7 } })
    expect(distributionOf([3, 3, 3])).toMatchObject({ p90: { value: 3, low: 3, high: 3 } })
  })

  test('intervals hold the value, and the sample holds the intervals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (values) => {
          const { p50, p90, p99, most } = distributionOf(values) ?? expect.fail()
          for (const { value, low, high } of [p50, p90, p99]) {
            expect(low).toBeLessThanOrEqual(value)
            expect(high).toBeGreaterThanOrEqual(value)
            expect(low).toBeGreaterThanOrEqual(Math.min(...values))
            expect(high).toBeLessThanOrEqual(most)
          }
        },
      ),
    )
  })

  test('about 95 of 100 intervals hold the true median', () => {
    const random = seededRandom(11)
    let holds = 0
    for (let run = 0; run < 400; run++) {
      const { p50 } = distributionOf(numbers(200, () => -Math.log(1 - random()))) ?? expect.fail()
      if (p50.low <= Math.LN2 && p50.high >= Math.LN2) holds++
    }
    expect(holds / 400).toBeGreaterThan(0.92)
  })

  test('values that resemble their neighbours count as fewer', () => {
    const random = seededRandom(3)
    const independent = numbers(1000, random)
    // The same values, but each block of fifty is one of the sorted thousand.
    const blocks = independent.toSorted((a, b) => a - b)
    const width = (values: number[]) => {
      const { p50 } = distributionOf(values) ?? expect.fail()
      return p50.high - p50.low
    }
    expect(width(blocks)).toBeGreaterThan(width(independent) * 2)
  })
})

test('means of spans: Student for few of them', () => {
  expect(meanOfSpans([10])).toEqual({ value: 10, low: 10, high: 10 })
  const { value, low, high } = meanOfSpans([9, 10, 11])
  expect(value).toBe(10)
  // 4.3 · 1 / √3
  expect([low, high].map((each) => each.toFixed(2))).toEqual(['7.52', '12.48'])
})

test('shares by Wilson: none of ten is not surely none', () => {
  expect(shareOf(0, 10).high).toBeCloseTo(0.278, 2)
  expect(shareOf(10, 10).low).toBeCloseTo(0.722, 2)
  expect(shareOf(0, 0)).toEqual({ value: 0, low: 0, high: 1 })
})

test('noise: an interval half as wide is twice as sure', () => {
  const around = (value: number, half: number) => ({ value, low: value - half, high: value + half })
  expect(noiseUnits(around(10, 1.96), around(13, 0))).toBeCloseTo(3, 3)
  expect(noiseUnits(around(10, 0.98), around(13, 0))).toBeCloseTo(6, 3)
  expect(noiseUnits(around(10, 0), around(10, 0))).toBe(0)
  expect(noiseUnits(around(10, 0), around(11, 0))).toBe(Infinity)
})
