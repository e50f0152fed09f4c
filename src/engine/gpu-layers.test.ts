import fc from 'fast-check'
import { expect, test } from 'vitest'
import { gpuLayers } from './gpu-layers.ts'

const gigabyte = 1e9
const model = { layers: 31 }
const estimate = { weights: 28 * gigabyte, kvCache: 4 * gigabyte, compute: gigabyte }

test.each([
  ['all of them, and the output layer', 40, 32],
  ['half of them', (16 + 1) / 0.92 + 0.01, 16],
  ['none where the buffers alone are too much', 1, 0],
  ['none without memory', 0, 0],
])('%s', (_, free, expected) => {
  expect(gpuLayers(model, estimate, free * gigabyte)).toBe(expected)
})

test('what goes to the GPU fits there, and one more would not', () => {
  const bytes = fc.integer({ min: 0, max: 1e12 })
  fc.assert(
    fc.property(fc.nat(200), bytes, bytes, bytes, bytes, (layers, weights, kvCache, compute, free) => {
      const count = gpuLayers({ layers }, { weights, kvCache, compute }, free)
      const needed = (layered: number) => compute + ((weights + kvCache) / (layers + 1)) * layered
      expect(count).toBeGreaterThanOrEqual(0)
      expect(count).toBeLessThanOrEqual(layers + 1)
      if (count > 0) expect(needed(count)).toBeLessThanOrEqual(free)
      // 8 % of the memory is kept free; the rest is for rounding.
      if (count < layers + 1) expect(needed(count + 1)).toBeGreaterThanOrEqual(free * 0.9199)
    }),
  )
})
