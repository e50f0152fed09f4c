import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../../../benchmarks/seeded-random.ts'
import { thresholdOf, upperBound, type Judged } from './threshold.ts'

// By hand: where none of n was wrong the bound is 1 − 0.05^(1/n); the others from tables of Clopper and Pearson.
test.each([
  [0, 59, 0.0495],
  [0, 149, 0.0199],
  [0, 299, 0.00997],
  [1, 100, 0.0466],
  [5, 100, 0.1023],
  [0, 0, 1],
  [3, 3, 1],
])('%d wrong of %d: less than %d are', (wrong, of, bound) => expect(upperBound(wrong, of)).toBeCloseTo(bound, 3))

const pairs = (count: number, similarity: number, same: boolean): Judged[] =>
  Array.from({ length: count }, () => ({ similarity, same }))

test('nothing is promised before enough is known', () => {
  expect(thresholdOf(pairs(100, 0.97, true), 0.02)).toBe(undefined)
  expect(thresholdOf(pairs(160, 0.97, true), 0.02)).toBeLessThanOrEqual(0.97)
})

test('a threshold ends where wrong ones begin', () => {
  const sample = [...pairs(400, 0.96, true), ...pairs(100, 0.8, false)]
  const threshold = thresholdOf(sample, 0.02) ?? 0
  expect(threshold).toBeGreaterThan(0.8)
  expect(threshold).toBeLessThanOrEqual(0.96)
})

test('the true share of errors is above the bound in no more than one of twenty samples', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      let above = 0
      const random = seededRandom(seed)
      for (let round = 0; round < 100; round++) {
        // The nearer, the likelier to be the same.
        const sample = Array.from({ length: 1000 }, () => {
          const similarity = 0.5 + random() / 2
          return { similarity, same: random() < 1 - 0.6 * (1 - similarity) }
        })
        const threshold = thresholdOf(sample, 0.05)
        // What is wrong above a threshold t: the mean of 0.6 × (1 − s) from there on.
        if (threshold !== undefined && 0.3 * (1 - threshold) > 0.05) above++
      }
      expect(above).toBeLessThanOrEqual(15)
    }),
    { numRuns: 10, verbose: true },
  )
})
