import { expect, test } from 'vitest'
import { seededRandom } from '../../benchmarks/seeded-random.ts'
import { deadDeployment, failingInTurns, slowTail } from './reliability.ts'

test('two providers that fail or are slow in turns are nearly as good as a healthy one', async () => {
  const { availability, p99, healthyP99 } = await failingInTurns(seededRandom(1))
  expect(availability).toBeGreaterThanOrEqual(0.999)
  expect(p99).toBeLessThanOrEqual(1.5 * healthyP99)
})

test('a second try where the first is slow halves the slowest answers, for a twentieth more requests', async () => {
  const [without, hedged] = [await slowTail(seededRandom(1), false), await slowTail(seededRandom(1), true)]
  expect(hedged.p99).toBeLessThanOrEqual(0.5 * without.p99)
  expect(hedged.extraShare).toBeLessThanOrEqual(0.05)
  expect(without.extraShare).toBe(0)
})

test('a dead deployment costs next to nothing', async () => {
  const result = await deadDeployment(seededRandom(1))
  expect(result.failed).toBe(0)
  expect(result.extraShare).toBeLessThanOrEqual(0.01)
})
