import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { configSchema } from '../../config/schema.ts'
import type { Provider } from '../../providers/provider.ts'
import { DeploymentHealth } from './deployment-health.ts'
import type { Candidate } from './plan.ts'
import { Probes, type ProbeSettings } from './probes.ts'

const down = () => {
  throw new InferloomError('provider_unreachable', 'Nobody is there.')
}
const nothing = { promptTokens: undefined, outputTokens: undefined, ttftMs: undefined, totalMs: 10 }
const settings: ProbeSettings = { intervalSeconds: 10, timeoutSeconds: 2, kind: 'models', idle: false, providers: {} }

function started(more: Partial<ProbeSettings> = {}) {
  const time = new VirtualTime()
  const { breaker } = configSchema.parse({}).reliability
  const health = new DeploymentHealth({
    settings: { ...breaker, openSeconds: 100, mostOpenSeconds: 100 },
    timekeeper: time,
    random: () => 0,
  })
  const asked: string[] = []
  /** What a probe comes to. */
  const up = { answer: (): unknown => undefined, delayMs: 5 }
  const provider = {
    name: 'up',
    probe: async (path: string | undefined) => {
      asked.push(path ?? 'list')
      await time.sleep(up.delayMs)
      up.answer()
    },
    async *generate({ model, maxOutputTokens }: { model: string; maxOutputTokens?: number }) {
      asked.push(`${model} ${maxOutputTokens}`)
      await time.sleep(up.delayMs)
      up.answer()
      const usage = { inputTokens: { total: 8, cacheRead: 0 }, outputTokens: { total: 1, reasoning: 0 } }
      yield [{ type: 'finish' as const, reason: 'length' as const, usage }]
    },
  } as unknown as Provider
  const of = (model: string): Candidate => ({ served: { provider, model }, id: `up/${model}` })
  const probes = new Probes({
    settings: { ...settings, ...more },
    timekeeper: time,
    random: () => 0.5,
    health,
    find: (id) => (id.startsWith('up/') ? of(id.slice(3)).served : undefined),
    candidates: () => ['up/m'],
  })
  const ask = (model: string, ended: 'ok' | 'failed') => health.begin(of(model), true)?.ended({ ...nothing, ended })
  const fail = (model = 'm') => {
    for (let tries = 0; tries < 5; tries++) ask(model, 'failed')
  }
  const stateOf = (model = 'm') => health.report().find(({ id }) => id === `up/${model}`)?.state
  return { time, health, asked, up, probes, of, ask, fail, stateOf }
}

test('nothing is probed while requests are answered, nor where nobody asks', async () => {
  const { time, asked, ask } = started()
  for (let seconds = 0; seconds < 100; seconds++) {
    ask('m', 'ok')
    await time.run(time.now() + 1000)
  }
  await time.run(time.now() + 1_000_000)
  expect(asked).toEqual([])
})

test('one that answers again is asked early, and requests close its breaker', async () => {
  const { time, up, asked, ask, fail, stateOf, health, of, probes } = started()
  up.answer = down
  fail()
  expect(stateOf()).toBe('open')
  await time.run(25_000)
  expect([asked.length, stateOf(), health.allows(of('m'))]).toEqual([2, 'open', false])
  expect(probes.report()).toMatchObject({ failed: 2, answered: 0, failing: { up: 'Nobody is there.' } })
  // Of what requests came to, probes are no part.
  expect(health.report()).toMatchObject([{ tries: 5, failed: 5, inFlight: 0 }])
  up.answer = () => undefined
  await time.run(31_000)
  expect([stateOf(), health.allows(of('m'))]).toEqual(['half-open', true])
  ask('m', 'ok')
  ask('m', 'ok')
  expect(stateOf()).toBe('closed')
  await time.run(100_000)
  expect(asked).toHaveLength(3)
  expect(probes.report()).toMatchObject({ failing: {} })
})

test('one whose list is read but whose requests fail is not asked early a second time', async () => {
  const { time, ask, fail, stateOf, health, of } = started()
  fail()
  await time.run(11_000)
  expect(stateOf()).toBe('half-open')
  ask('m', 'failed')
  await time.run(time.now() + 99_000)
  expect([stateOf(), health.allows(of('m'))]).toEqual(['open', false])
  await time.run(time.now() + 2000)
  expect(health.allows(of('m'))).toBe(true)
  ask('m', 'ok')
  ask('m', 'ok')
  expect(stateOf()).toBe('closed')
  fail()
  await time.run(time.now() + 11_000)
  expect(stateOf()).toBe('half-open')
})

test('one list for all models of a provider; a request for each, of one token, which is counted', async () => {
  const { time, asked, fail, stateOf, probes } = started()
  fail('m')
  fail('n')
  await time.run(11_000)
  expect(asked).toEqual(['list'])
  expect([stateOf('m'), stateOf('n')]).toEqual(['half-open', 'half-open'])
  const costly = started({ providers: { up: { kind: 'request' } } })
  costly.fail('m')
  costly.fail('n')
  await costly.time.run(11_000)
  expect(costly.asked).toEqual(['m 1', 'n 1'])
  expect(costly.probes.report()).toMatchObject({ answered: 2, promptTokens: 16, outputTokens: 2 })
  expect(probes.report()).toMatchObject({ promptTokens: 0 })
})

test.each([
  ['a limit', new InferloomError('rate_limited', 'Too much.'), 'half-open'],
  ['a refusal of what was asked', new InferloomError('provider_not_found', 'No such page.'), 'half-open'],
  [
    'a key that is refused',
    new InferloomError('provider_key_refused', 'No.', { fault: { provider: 'up', status: 401 } }),
    'open',
  ],
  ['a failure', new InferloomError('provider_failed', 'No.'), 'open'],
])('%s', async (_, error, state) => {
  const { time, up, fail, stateOf } = started()
  up.answer = () => {
    throw error
  }
  fail()
  await time.run(11_000)
  expect(stateOf()).toBe(state)
})

test('one that does not answer a probe in time has failed, and is probed again only when that is over', async () => {
  const { time, up, asked, fail, stateOf, probes } = started({ intervalSeconds: 1, timeoutSeconds: 30 })
  up.delayMs = 1e9
  fail()
  await time.run(29_000)
  expect(asked).toHaveLength(1)
  await time.run(40_000)
  expect(stateOf()).toBe('open')
  expect(probes.report()).toMatchObject({ failed: 1, failing: { up: 'No answer within 30 s.' } })
})

test('candidates that nobody asks are probed where that is wanted, and left alone when they failed often enough', async () => {
  const { time, up, asked, stateOf, health, of, ask } = started({ idle: true })
  await time.run(51_000)
  expect(asked).toHaveLength(5)
  up.answer = down
  await time.run(92_000)
  expect(stateOf()).toBe('closed')
  await time.run(101_000)
  expect([stateOf(), health.allows(of('m'))]).toEqual(['open', false])
  up.answer = () => undefined
  await time.run(111_000)
  expect(health.allows(of('m'))).toBe(true)
  for (let tries = 0; tries < 3; tries++) ask('m', 'ok')
  const before = asked.length
  await time.run(135_000)
  expect(asked).toHaveLength(before)
})

test('off is off, a page is asked for in place of the list, and other settings count from then on', async () => {
  const { time, up, asked, fail, probes } = started({ kind: 'off' })
  up.answer = down
  fail()
  await time.run(50_000)
  expect(asked).toEqual([])
  probes.configure({ ...settings, path: '/health' })
  await time.run(61_000)
  expect(asked).toEqual(['/health'])
  probes.configure(undefined)
  await time.run(200_000)
  expect(asked).toHaveLength(1)
  expect(probes.report()).toBeUndefined()
})

test('what is under way when it is closed says nothing any more', async () => {
  const { time, up, fail, stateOf, probes } = started()
  up.delayMs = 1000
  fail()
  await time.run(10_500)
  probes.close()
  await time.run(50_000)
  expect(stateOf()).toBe('open')
})
