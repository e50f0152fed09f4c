import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecayingQuantiles } from './quantiles.ts'

const halfLifeMs = 1000

test('quantiles are those of what was seen, to a twentieth', () => {
  const values = fc.array(fc.double({ min: 1, max: 500_000, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(values, (given) => {
      const quantiles = new DecayingQuantiles(halfLifeMs)
      for (const value of given) quantiles.add(value, 0)
      const sorted = given.toSorted((a, b) => a - b)
      for (const [name, q] of [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p95', 0.95],
      ] as const) {
        const exact = sorted[Math.ceil(q * sorted.length) - 1] ?? 0
        const found = quantiles.get()?.[name] ?? 0
        expect(found).toBeGreaterThan(exact / 1.06)
        expect(found).toBeLessThan(exact * 1.06)
      }
    }),
  )
})

test('what is new counts more than what is old, and both for a while', () => {
  const quantiles = new DecayingQuantiles(halfLifeMs)
  for (let index = 0; index < 1000; index++) quantiles.add(100, index)
  expect(quantiles.get()?.p50).toBeCloseTo(100, -1)
  for (let index = 0; index < 1000; index++) quantiles.add(400, 5000 + index)
  expect(quantiles.get()?.p50).toBeCloseTo(400, -2)
  expect(quantiles.seenAt).toBe(5999)
})

test('however rare things are, one of them does not make all others forgotten', () => {
  const quantiles = new DecayingQuantiles(halfLifeMs)
  for (let index = 0; index < 20; index++) quantiles.add(100, index * 3_600_000)
  expect(quantiles.count).toBeGreaterThan(3)
  quantiles.add(10_000, 20 * 3_600_000)
  expect(quantiles.get()?.p50).toBeCloseTo(100, -1)
  quantiles.add(10_000, 21 * 3_600_000)
  quantiles.add(10_000, 22 * 3_600_000)
  expect(quantiles.get()?.p50).toBeGreaterThan(9000)
})

test('a million things later it still knows what the latest were', () => {
  const quantiles = new DecayingQuantiles(halfLifeMs)
  for (let index = 0; index < 1_000_000; index++) quantiles.add(index < 900_000 ? 5 : 50, index)
  expect(quantiles.get()?.p50).toBeCloseTo(50, -1)
  expect(quantiles.get()?.p95).toBeCloseTo(50, -1)
  expect(quantiles.count).toBeLessThan(2000)
})

test('what is nothing, or more than anything, is still a number', () => {
  const quantiles = new DecayingQuantiles(halfLifeMs)
  expect(quantiles.get()).toBeUndefined()
  quantiles.add(0, 0)
  expect(quantiles.get()?.p50).toBeLessThan(0.2)
  for (let index = 0; index < 9; index++) quantiles.add(1e12, 0)
  expect(quantiles.get()?.p90).toBeGreaterThan(100_000)
  expect(quantiles.get()?.p90).toBeLessThan(Infinity)
})
