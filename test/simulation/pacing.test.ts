import { expect, test } from 'vitest'
import { seededRandom } from '../../benchmarks/seeded-random.ts'
import { pacing, type PacingOptions } from './pacing.ts'

const small = () => 1000
const large = (random: number) => 500 + Math.round(random * 8000)

test.each([
  ['by the minute', 'configured', small],
  ['refilling', 'configured', small],
  ['by the minute', 'configured', large],
  ['refilling', 'configured', large],
  ['by the minute', 'told', small],
  ['refilling', 'told', large],
] as const)('a provider that counts %s, limits %s', async (counts, known, tokens) => {
  const result = await pacing({ counts, known, tokens, random: seededRandom(1) } satisfies PacingOptions)
  expect(result.reachedClients).toBe(0)
  expect(result.usedShare).toBeGreaterThanOrEqual(0.95)
  expect(result.outOfOrder).toBe(0)
  expect(result.ended).toBe(result.asked)
  if (known === 'configured') expect(result.refused).toBe(0)
})
