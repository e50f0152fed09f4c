import { expect, test } from 'vitest'
import { VirtualTime } from '../../../test/simulation/virtual-time.ts'
import { seededRandom } from '../../bench/seeded-random.ts'
import type { Prices } from '../../catalog/price.ts'
import type { ModelInfo, ModelLoad, Provider } from '../../providers/provider.ts'
import { localCaller } from '../caller.ts'
import { Models } from '../models.ts'
import type { Health } from './health.ts'
import type { AttemptOutcome, Candidate, PlanAsked, Wishes } from './plan.ts'
import { RoutePlanner } from './planner.ts'
import { Routes, type RouteSettings } from './routes.ts'

interface Model extends Partial<ModelInfo> {
  readonly price?: number
  readonly lacks?: readonly string[]
  readonly load?: ModelLoad
  /** Its context, as the list of prices has it. */
  readonly listed?: number
}

interface Options {
  /** Of the provider `p`. */
  readonly models?: Readonly<Record<string, Model>>
  readonly local?: readonly string[]
  readonly route?: Partial<RouteSettings>
  readonly explore?: number
}

function opened({ models: given = { a: {}, b: {} }, local = [], route, explore = 0 }: Options = {}) {
  const time = new VirtualTime()
  const list = Object.entries(given).map(([id, { contextTokens, parameters }]) => ({
    id,
    ownedBy: 'p',
    created: 0,
    ...(contextTokens !== undefined && { contextTokens }),
    ...(parameters !== undefined && { parameters }),
  }))
  const p: Partial<Provider> = {
    name: 'p',
    models: () => list,
    lacks: (model) => given[model]?.lacks ?? [],
    load: (model) => given[model]?.load,
  }
  const own = local.map((id) => ({ id, ownedBy: 'inferloom', created: 0 }))
  const pool: Partial<Provider> = { name: 'local', models: () => own }
  const models = new Models({ local: [pool as Provider], remote: [p as Provider] })
  const candidates = [...Object.keys(given).map((name) => `p/${name}`), ...local]
  const more = { require: {}, bestEffort: false, affinity: false, reliability: {} }
  const settings: Record<string, RouteSettings> = { r: { objective: 'ordered', candidates, ...more, ...route } }
  const prices: Pick<Prices, 'prepare' | 'cost' | 'contextOf'> = {
    prepare: () => undefined,
    contextOf: (_, model) => given[model]?.listed,
    cost({ provider, model, usage }) {
      if (provider === 'local') return { usd: 0, price: '' }
      const price = given[model]?.price
      return price === undefined ? undefined : { usd: (price * usage.outputTokens.total) / 1e6, price: '' }
    },
  }
  const busy = new Map<string, number>()
  const setAside = new Set<string>()
  const health: Health = {
    allows: ({ id }) => !setAside.has(id),
    begin: () => ({ ended: () => {} }),
    inFlight: ({ id }) => busy.get(id) ?? 0,
    failureShare: () => 0,
  }
  const routes = new Routes({ models, settings, withBuiltin: true, regions: new Map([['p', 'eu']]) })
  const random = seededRandom(7)
  const planner = new RoutePlanner({
    models,
    routes,
    health,
    random,
    explore,
    timekeeper: time,
    prices: prices as Prices,
  })
  const plan = (wishes: Wishes = {}, asked: Partial<PlanAsked> = {}) =>
    planner.plan({ model: 'r', caller: localCaller, wishes, stream: true, receivedAt: time.now(), ...asked })
  const order = (wishes: Wishes = {}, asked: Partial<PlanAsked> = {}) =>
    plan(wishes, asked).candidates.map(({ id }) => id)
  const seen = (id: string, totalMs: number, times = 20) => {
    for (let index = 0; index < times; index++) planner.learn({ id } as Candidate, took(totalMs))
  }
  return { time, planner, plan, order, seen, busy, setAside, models }
}

const took = (totalMs: number): AttemptOutcome => ({
  promptTokens: 50,
  outputTokens: 100,
  ttftMs: totalMs / 5,
  totalMs,
  ended: 'ok',
})

const within = (milliseconds: number): Partial<PlanAsked> => ({ deadlineAt: milliseconds })

test('the cheapest that keeps to a deadline nine times of ten goes first, then those nobody knows, then the soonest', () => {
  const models = { fast: { price: 10 }, slow: { price: 1 }, slower: { price: 0.5 }, unknown: { price: 2 } }
  const { order, seen } = opened({ models, route: { objective: 'cheapest' } })
  seen('p/fast', 500)
  seen('p/slow', 5000)
  seen('p/slower', 9000)
  expect(order()).toEqual(['p/slower', 'p/slow', 'p/unknown', 'p/fast'])
  expect(order({}, within(60_000))).toEqual(['p/slower', 'p/slow', 'p/fast', 'p/unknown'])
  expect(order({}, within(6500))).toEqual(['p/slow', 'p/fast', 'p/unknown', 'p/slower'])
  expect(order({}, within(5001))).toEqual(['p/fast', 'p/unknown', 'p/slow', 'p/slower'])
})

test('what is certainly too late is left out, until that was long ago', async () => {
  const { plan, order, seen, time } = opened({ route: { require: { latencyMs: 1000 } } })
  seen('p/a', 5000)
  seen('p/b', 800)
  expect(plan()).toMatchObject({
    candidates: [{ id: 'p/b' }],
    excluded: [{ id: 'p/a', why: expect.stringMatching(/^takes about \d+ ms$/) as string }],
  })
  await time.run(61_000)
  seen('p/b', 5000)
  expect(order()).toEqual(['p/a'])
  seen('p/a', 5000)
  expect(() => plan()).toThrow(/None of the 2 candidates of r .*p\/a takes about \d+ ms; p\/b takes about \d+ ms/)
})

test('one that fails often, and one that is not there, are not counted on', () => {
  const { plan, order, setAside } = opened()
  setAside.add('p/a')
  expect(order()).toEqual(['p/b', 'p/a'])
  expect(plan().why).toContain('ordered of 2')
})

test('of constraints, the stricter one counts, whoever set it', () => {
  const { order, plan } = opened({
    models: { a: { price: 100 }, b: { price: 10 } },
    route: { require: { maxCost: 0.02, region: 'eu' } },
  })
  const asked = { maxOutputTokens: 100 }
  expect(order({}, asked)).toEqual(['p/a', 'p/b'])
  expect(order({ maxCost: 0.002 }, asked)).toEqual(['p/b'])
  expect(order({ maxCost: 100 }, { maxOutputTokens: 1000 })).toEqual(['p/b'])
  expect(() => plan({ region: 'us' })).toThrow(/p\/a is not in us/)
})

test('best effort is for when nobody can, and never for what somebody is not able to, or must not', () => {
  const models = { a: { price: 100, lacks: ['images'] }, b: { price: 10 }, c: { price: 50 } }
  const { order, plan } = opened({ models, local: ['own'], route: { bestEffort: true, require: { region: 'eu' } } })
  const image = { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }
  const asked = { maxOutputTokens: 100, body: image }
  expect(order({ maxCost: 0.002 }, asked)).toEqual(['p/b'])
  const none = plan({ maxCost: 0.0001 }, asked)
  expect(none.candidates.map(({ id }) => id)).toEqual(['p/b', 'p/c'])
  expect(none.why).toMatch(/^best effort of 4/)
  expect(none.excluded).toEqual([
    { id: 'p/a', why: 'cannot take images' },
    { id: 'own', why: 'is not in eu' },
  ])
})

test('a prompt goes to who can take it, and local models are in a region of their own', () => {
  const models = { small: { contextTokens: 1000 }, large: { contextTokens: 100_000 } }
  const { order, plan } = opened({ models, local: ['own'] })
  expect(order({ region: 'local' })).toEqual(['own'])
  const { excluded } = plan({}, { text: 'word '.repeat(2000) })
  expect(excluded).toEqual([{ id: 'p/small', why: 'has a context of 1000 tokens, and the prompt has about 2500' }])
})

test('what the catalog says of a context may be out of date: that candidate is asked last, but not refused', () => {
  const models = { a: { price: 1, listed: 1000 }, b: { price: 2 } }
  const { order } = opened({ models })
  expect(order({}, { text: 'word '.repeat(2000) })).toEqual(['p/b', 'p/a'])
  expect(order({}, { text: 'word '.repeat(500) })).toEqual(['p/a', 'p/b'])
})

test('whose name is that of a model that sees nothing is asked last for an image, but not refused', () => {
  const { order } = opened({ models: { 'gpt-3.5-turbo': {}, 'gpt-4o': {} } })
  const image = { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }
  expect(order({}, { body: image })).toEqual(['p/gpt-4o', 'p/gpt-3.5-turbo'])
  expect(order()).toEqual(['p/gpt-3.5-turbo', 'p/gpt-4o'])
})

test('what is known of times is there to be seen', () => {
  const { planner, seen } = opened()
  expect(planner.report()).toEqual([])
  seen('p/a', 500)
  seen('p/b', 5000)
  const [last, first] = planner.report()
  expect([last?.id, first?.id]).toEqual(['p/b', 'p/a'])
  expect(first?.ttftMs).toBeCloseTo(100, -1)
  expect(first?.latencyMs).toBeCloseTo(100 + 199 * 4, -2)
  expect(first?.seenSecondsAgo).toBe(0)
})

test('what makes vectors is timed, too', () => {
  const { planner, order } = opened({ route: { objective: 'fastest' } })
  const embedded = (id: string, totalMs: number) => {
    const asked = { route: 'r', promptTokens: 50, maxOutputTokens: undefined, longTokens: undefined, stream: false }
    const outcome = { promptTokens: 50, outputTokens: 0, ttftMs: undefined, totalMs, ended: 'ok' as const }
    for (let index = 0; index < 5; index++) planner.learn({ id, asked } as unknown as Candidate, outcome)
  }
  embedded('p/a', 300)
  embedded('p/b', 50)
  expect(order({}, { stream: false })).toEqual(['p/b', 'p/a'])
})

test('names that never answered are not remembered', () => {
  const { planner } = opened()
  for (let name = 0; name < 3000; name++) {
    planner.learn({ id: `p/${name}` } as Candidate, { ...took(500), ttftMs: undefined, ended: 'failed' })
  }
  expect(planner.report()).toEqual([])
})

test('an error lists no more candidates than anybody reads', () => {
  const models = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`m${index}`, {}]))
  const { plan } = opened({ models })
  expect(() => plan({ minQuality: 0.9 })).toThrow(/p\/m11 has a quality that nobody measured; and 28 more\. Remedy/)
})

test('who is not known is asked now and then, where knowing could matter', () => {
  const share = (options: Options, wishes: Wishes, asked: Partial<PlanAsked> = {}) => {
    const { order, seen } = opened({ explore: 0.1, ...options })
    seen('p/a', 500)
    const firsts = Array.from({ length: 1000 }, () => order(wishes, asked)[0])
    return firsts.filter((first) => first === 'p/b').length / 1000
  }
  const priced = { models: { a: { price: 10 }, b: { price: 20 } } }
  // What was never asked is asked more often, but not by those who are in a hurry.
  expect(share({}, { objective: 'fastest' })).toBeCloseTo(0.5, 1)
  expect(share({}, { objective: 'fastest' }, within(1000))).toBeCloseTo(0.1, 1)
  expect(share({}, { objective: 'fastest' }, within(1000))).toBeGreaterThan(0.05)
  expect(share({}, { objective: 'ordered' })).toBe(0)
  expect(share(priced, { objective: 'cheapest' })).toBe(0)
  expect(share(priced, { objective: 'cheapest' }, within(1000))).toBe(0)
  const cheaper = { models: { a: { price: 10 }, b: { price: 5 } } }
  expect(share(cheaper, { objective: 'cheapest' }, within(1000))).toBeGreaterThan(0.05)
  expect(share({ explore: 0 }, { objective: 'fastest' })).toBe(0)
})

test('one that was known to be late is tried again only when that was long ago', async () => {
  const { order, seen, time } = opened({ explore: 1, models: { a: { price: 10 }, b: { price: 5 } } })
  const first = () => order({ objective: 'cheapest' }, within(time.now() + 1900))[0]
  seen('p/a', 500)
  seen('p/b', 1950)
  expect(first()).toBe('p/a')
  await time.run(120_000)
  seen('p/a', 500)
  expect(first()).toBe('p/a')
  await time.run(700_000)
  seen('p/a', 500)
  expect(first()).toBe('p/b')
})

test('what begins alike goes to the same, as long as that one has no more to do than the other', () => {
  const { order, busy } = opened({ route: { affinity: true, objective: 'least-busy' } })
  const system = 'You are a careful assistant. '.repeat(100)
  const asked = (text: string) => order({}, { text: JSON.stringify({ messages: [system, text] }) })[0]
  const first = asked('one')
  const others = Array.from({ length: 50 }, (_, index) => asked(`question ${index}`))
  expect(new Set(others)).toEqual(new Set([first]))
  busy.set(first ?? '', 20)
  expect(asked('one')).not.toBe(first)
  busy.clear()
  const short = new Set(Array.from({ length: 50 }, () => order({}, { text: 'short' })[0]))
  expect(short.size).toBe(2)
})

test('who has a queue is not the fastest any more', () => {
  const load = { running: 4, waiting: 12 }
  const { plan, seen } = opened({ models: { a: { load }, b: {} }, route: { objective: 'fastest' } })
  seen('p/a', 500)
  seen('p/b', 900)
  const [first, second] = plan().candidates
  expect(first?.id).toBe('p/b')
  expect(second?.prediction?.latencyMs).toBeGreaterThan(1900)
})

test('weights are kept to, whatever begins alike', () => {
  const candidates = [
    { model: 'p/a', weight: 9 },
    { model: 'p/b', weight: 1 },
  ]
  const { order } = opened({ route: { objective: 'weighted', affinity: true, candidates } })
  const text = JSON.stringify({ messages: ['same '.repeat(2000)] })
  const firsts = Array.from({ length: 2000 }, () => order({}, { text })[0])
  const share = firsts.filter((each) => each === 'p/b').length / 2000
  expect(share).toBeGreaterThan(0.07)
  expect(share).toBeLessThan(0.13)
})

test('a key chooses among what it may ask for, and hears of nothing else', () => {
  const { plan } = opened({ models: { a: {}, secret: {} } })
  const caller = { ...localCaller, models: new Set(['p/a']) }
  expect(plan({}, { caller })).toMatchObject({ candidates: [{ id: 'p/a' }], excluded: [] })
  expect(() => plan({ minQuality: 0.9 }, { caller })).toThrow(/p\/a has a quality that nobody measured\./)
  const other = { ...localCaller, models: new Set(['elsewhere']) }
  expect(() => plan({}, { caller: other })).toThrow(expect.objectContaining({ code: 'model_not_allowed' }) as Error)
  const whole = { ...localCaller, models: new Set(['r']) }
  expect(plan({}, { caller: whole }).candidates.length).toBe(2)
})

test('the best is the one that was measured, or else a dear one, but never the dearest for its price alone', () => {
  const models = { dearest: { price: 600 }, dear: { price: 15 }, mini: { price: 0.6 } }
  const { order } = opened({ models, local: ['loom-mini'], route: { objective: 'best' } })
  expect(order()).toEqual(['p/dear', 'p/dearest', 'p/mini', 'loom-mini'])
})

test('a model that is named is planned once', () => {
  const { planner } = opened()
  const asked = { model: 'p/a', caller: localCaller, wishes: {}, stream: false, receivedAt: 0 }
  expect(planner.plan(asked)).toBe(planner.plan(asked))
  expect(planner.plan(asked)).toMatchObject({ route: undefined, candidates: [{ id: 'p/a' }] })
})
