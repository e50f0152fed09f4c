import { expect, test } from 'vitest'
import type { Provider } from '../../providers/provider.ts'
import { Models } from '../models.ts'
import { Routes, type RouteSettings } from './routes.ts'

type Given = Partial<RouteSettings> & Pick<RouteSettings, 'candidates'>

function opened(given: Readonly<Record<string, Given>>, withBuiltin = false, extra: readonly Partial<Provider>[] = []) {
  const provider = (name: string, ids: readonly string[]): Provider => {
    const list = ids.map((id) => ({ id, ownedBy: name, created: 0 }))
    return { name, models: () => list } as unknown as Provider
  }
  const remote = [provider('p', ['a', 'b', 'c', 'text-embedding-x']), ...(extra as Provider[])]
  const models = new Models({ local: [provider('local', ['own', 'loom-embed'])], remote })
  const usual = { objective: 'ordered' as const, require: {}, bestEffort: false, affinity: true, reliability: {} }
  const settings = Object.fromEntries(Object.entries(given).map(([name, each]) => [name, { ...usual, ...each }]))
  return new Routes({ models, settings, withBuiltin, regions: new Map([['p', 'eu']]) })
}

const names = (routes: Routes, name: string) => routes.find(name)?.candidates.map((each) => each.name)

test('a route of routes has the models of all, each once, as it was named first', () => {
  const routes = opened({
    all: { candidates: [{ model: 'p/b', quality: 0.9 }, 'good', { model: 'cheap', weight: 3, region: 'us' }] },
    good: { candidates: ['p/a', { model: 'p/b', quality: 0.1 }] },
    cheap: { candidates: [{ model: 'own', weight: 2 }] },
  })
  expect(names(routes, 'all')).toEqual(['p/b', 'p/a', 'own'])
  expect(routes.find('all')?.candidates).toMatchObject([
    { quality: 0.9, weight: 1 },
    { quality: undefined, weight: 1 },
    { weight: 6, region: 'us' },
  ])
  expect(names(routes, 'cheap')).toEqual(['own'])
  expect(routes.find('p/a')).toBeUndefined()
})

test.each<[string, Record<string, Given>, string]>([
  ['itself', { a1: { candidates: ['own', 'a1'] } }, "routes.a1.candidates.1: leads back to the route 'a1' (a1 → a1)"],
  [
    'itself by others',
    { a1: { candidates: ['b1'] }, b1: { candidates: ['own', 'c1'] }, c1: { candidates: ['a1'] } },
    "routes.c1.candidates.0: leads back to the route 'a1' (a1 → b1 → c1 → a1)",
  ],
  ['nobody', { a1: { candidates: ['own', 'nobody'] } }, "routes.a1.candidates.1: There is no model 'nobody'"],
  ['an unknown provider', { a1: { candidates: ['q/m'] } }, "routes.a1.candidates.0: There is no model 'q/m'"],
  [
    'nobody by another',
    { a1: { candidates: ['b1'] }, b1: { candidates: ['q/m'] } },
    "routes.b1.candidates.0: There is no model 'q/m'",
  ],
])('a route that leads to %s is refused with where it stands', (_, given, message) => {
  expect(() => opened(given)).toThrow(
    expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(message) as string }) as Error,
  )
})

test('routes of routes of routes are no way to a list that never ends', () => {
  const list = Array.from({ length: 150 }, (_, index) => ({ id: `m${index}`, ownedBy: 'q', created: 0 }))
  const q = { name: 'q', models: () => list }
  const level = (index: number) => Array.from({ length: 100 }, () => `r${index}`)
  const deep = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [`r${index}`, { candidates: index === 0 ? ['own'] : level(index - 1) }]),
  )
  expect(names(opened(deep), 'r29')).toEqual(['own'])
  const candidates = (from: number) => list.slice(from, from + 100).map(({ id }) => `q/${id}`)
  const given = {
    x: { candidates: candidates(0) },
    y: { candidates: candidates(50) },
    z: { candidates: ['x', 'y', 'own'] },
  }
  expect(names(opened(given, false, [q]), 'z')?.length).toBe(151)
})

test('built-in routes have all models that answer, local ones first, and of providers each in turn', () => {
  const many = Array.from({ length: 300 }, (_, index) => ({ id: `m${index}`, ownedBy: 'q', created: 0 }))
  const routes = opened({ fast: { candidates: ['own'] } }, true, [{ name: 'q', models: () => many }])
  const all = names(routes, 'auto') ?? []
  expect(all.slice(0, 6)).toEqual(['own', 'p/a', 'q/m0', 'p/b', 'q/m1', 'p/c'])
  expect(all.length).toBe(50)
  expect(names(routes, 'fast')).toEqual(['own'])
  expect(routes.find('smart')?.objective).toBe('best')
  expect(routes.list().map(({ id }) => id)).toEqual(['fast', 'auto', 'smart', 'cheap'])
  expect(opened({}, false).find('auto')).toBeUndefined()
  expect(opened({}).list()).toEqual([])
})

test('a model that has the name of a built-in route keeps it', () => {
  const routes = opened({}, true, [{ name: 'q', models: () => [{ id: 'smart', ownedBy: 'q', created: 0 }] }])
  expect(routes.find('smart')).toBeUndefined()
  expect(routes.list().map(({ id }) => id)).toEqual(['auto', 'fast', 'cheap'])
})

test('models are where their provider is, and local ones are local', () => {
  const routes = opened({})
  expect([routes.regionOf('p'), routes.regionOf('local'), routes.regionOf('q')]).toEqual(['eu', 'local', undefined])
})
