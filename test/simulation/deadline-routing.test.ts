import { expect, test } from 'vitest'
import { seededRandom } from '../../benchmarks/seeded-random.ts'
import { deadlineRouting } from './deadline-routing.ts'

test.each([1, 2, 3])('deadlines are met by the cheapest that can, as seed %i has it', async (seed) => {
  const result = await deadlineRouting({
    random: seededRandom(seed),
    models: ['fast', 'slow'],
    deadlines: 'clients',
  })
  expect(result.metShare).toBeGreaterThanOrEqual(0.99)
  expect(result.costOfBest).toBeLessThanOrEqual(1.05)
  // It takes choosing: neither does it alone.
  expect(result.fixed['fast']?.costOfBest).toBeGreaterThan(1.5)
  expect(result.fixed['slow']?.metShare).toBeLessThan(0.6)
})

test('where deadlines lie near what models take, it is nearly as good as one who knew all there is to know', async () => {
  const result = await deadlineRouting({
    random: seededRandom(1),
    models: ['fast', 'middle', 'slow'],
    deadlines: 'anywhere',
  })
  const { knowing, metShare, costOfBest } = result
  expect(metShare).toBeGreaterThanOrEqual(knowing.metShare - 0.01)
  expect(costOfBest).toBeLessThanOrEqual(1.1 * knowing.costOfBest)
})
