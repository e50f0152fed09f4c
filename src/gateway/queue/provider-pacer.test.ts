import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { configSchema } from '../../config/schema.ts'
import type { Candidate } from '../routing/plan.ts'
import type { ProviderLimits } from './lane.ts'
import type { Pass } from './pacer.ts'
import { ProviderPacer } from './provider-pacer.ts'

const candidate: Candidate = { id: 'p/m', served: { provider: { name: 'p' } as never, model: 'm' } }
const { signal } = new AbortController()
const failed = (status: number) =>
  new InferloomError(status === 429 ? 'rate_limited' : 'provider_failed', 'failed', {
    fault: { provider: 'p', status },
  })

function pacerOf(limits: ProviderLimits = {}) {
  const time = new VirtualTime()
  const settings = { ...configSchema.parse({}).pacing, learn: true }
  const pacer = new ProviderPacer({ settings, timekeeper: time, keysOf: () => 1, limitsOf: () => limits })
  const enter = async () =>
    await pacer.enter({
      candidate,
      promptTokens: 100,
      outputTokens: 50,
      tier: 'default',
      deadlineAt: undefined,
      expectedMs: undefined,
      canMoveOn: false,
      signal,
    })
  const left = () => pacer.report()[0]?.limits.map((each) => each.left)
  const limit = () => pacer.report()[0]?.limits[0]?.limit
  return { time, pacer, enter, left, limit }
}

test('a burst of refusals lowers a limit that nobody says once, and the next burst once more', async () => {
  const { time, enter, limit } = pacerOf()
  const burst = await Promise.all(Array.from({ length: 100 }, enter))
  for (const pass of burst) pass.settle({ error: failed(429) })
  expect(limit()).toBe(70)
  await time.run(70_000)
  const next = await Promise.all(Array.from({ length: 20 }, enter))
  const before = limit() as number
  // One of the first to answer is a second late: it is of the same burst.
  for (const pass of next) {
    pass.settle({ error: failed(429) })
    await time.run(time.now() + 100)
  }
  expect(limit()).toBeCloseTo(before * 0.7)
})

test.each<[string, Parameters<Pass['settle']>[0], readonly number[]]>([
  ['was never sent takes nothing', { error: failed(503), wasSent: false }, [10, 1000]],
  ['was refused takes no tokens', { error: failed(429) }, [9, 1000]],
  ['was left takes what was expected, of which the provider may have done any part', { error: left() }, [9, 850]],
  ['was answered without a count takes what was expected', {}, [9, 850]],
])('what %s', async (_, result, expected) => {
  const { enter, left } = pacerOf({ requestsPerMinute: 10, tokensPerMinute: 1000 })
  const pass = await enter()
  expect(left()).toEqual([9, 850])
  pass.settle(result)
  expect(left()).toEqual(expected)
})

function left(): InferloomError {
  return new InferloomError('client_closed', 'The client left.')
}
