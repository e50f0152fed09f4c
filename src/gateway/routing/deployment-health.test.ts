import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { configSchema } from '../../config/schema.ts'
import { DeploymentHealth } from './deployment-health.ts'
import type { AttemptOutcome, Candidate } from './plan.ts'

const nothing = { promptTokens: undefined, outputTokens: undefined, ttftMs: undefined, totalMs: 1 }
const candidate: Candidate = { id: 'p/m', served: { provider: { name: 'p' } as never, model: 'm' } }
const { breaker } = configSchema.parse({}).reliability

/** A breaker that opened a moment ago, and a try that was sent before. */
async function opened() {
  const time = new VirtualTime()
  const health = new DeploymentHealth({ settings: breaker, timekeeper: time, random: () => 0 })
  const early = health.begin(candidate)
  for (let each = 0; each < breaker.consecutiveFailures; each++) ask(health, 'failed')
  expect(state(health)).toBe('open')
  const elapse = (seconds: number) => time.run(time.now() + seconds * 1000)
  return { health, early, elapse }
}

function ask(health: DeploymentHealth, ended: AttemptOutcome['ended']): void {
  const watch = health.begin(candidate)
  expect(watch).toBeDefined()
  watch?.ended({ ...nothing, ended })
}

function state(health: DeploymentHealth): string | undefined {
  return health.report()[0]?.state
}

test('it is asked as before after so many probes that were answered, and left alone for longer after one that failed', async () => {
  const { health, elapse } = await opened()
  await elapse(breaker.openSeconds)
  for (let each = 1; each < breaker.probes; each++) ask(health, 'ok')
  expect(state(health)).toBe('half-open')
  ask(health, 'failed')
  await elapse(breaker.openSeconds)
  expect(health.allows(candidate)).toBe(false)
  await elapse(breaker.openSeconds)
  for (let each = 0; each < breaker.probes; each++) ask(health, 'ok')
  expect(state(health)).toBe('closed')
})

test('what was sent before it was left alone is no probe, whichever way it ends', async () => {
  for (const ended of ['ok', 'failed'] as const) {
    const { health, early, elapse } = await opened()
    await elapse(breaker.openSeconds)
    for (let each = 1; each < breaker.probes; each++) ask(health, 'ok')
    early?.ended({ ...nothing, ended })
    expect(state(health)).toBe('half-open')
  }
})

test('a limit is no sign of health, and none of the opposite', async () => {
  const { health, elapse } = await opened()
  await elapse(breaker.openSeconds)
  for (let each = 0; each <= breaker.probes; each++) ask(health, 'limited')
  expect(state(health)).toBe('half-open')
  expect(health.allows(candidate)).toBe(true)
  for (let each = 0; each < breaker.probes; each++) ask(health, 'refused')
  expect(state(health)).toBe('closed')
  for (let each = 1; each < breaker.consecutiveFailures; each++) ask(health, 'failed')
  ask(health, 'limited')
  ask(health, 'failed')
  expect(state(health)).toBe('open')
})
