import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../bench/seeded-random.ts'
import { ordered, type Choice } from './choosing.ts'
import type { Objective, Prediction } from './plan.ts'

const objectives = ['cheapest', 'fastest', 'best', 'balanced', 'ordered', 'weighted', 'least-busy'] as const

interface Given extends Partial<Omit<Choice, 'planned'>> {
  readonly id?: string
  readonly latencyMs?: number | undefined
  readonly cost?: number | undefined
}

function choice({ id = 'x', latencyMs, cost, ...more }: Given, position = 0): Choice {
  const prediction: Prediction = {
    ttftMs: latencyMs,
    ttftP90Ms: latencyMs,
    ttftP95Ms: latencyMs,
    latencyMs,
    latencyP90Ms: latencyMs,
    cost,
    outputTokens: 100,
    quality: undefined,
  }
  const planned = { served: { provider: {} as never, model: id }, id, prediction }
  const usual = { weight: 1, busy: 0, failureShare: 0, quality: 0.5, seenAt: 0, isAllowed: true, isWarm: false }
  return { planned, position, ...usual, ...more }
}

const order = (given: readonly Given[], objective: Objective, random: () => number = () => 0.5) =>
  ordered(given.map(choice), objective, random).map(({ planned }) => planned.id)

const anyChoice = fc.record({
  latencyMs: fc.option(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { nil: undefined }),
  cost: fc.option(fc.constantFrom(0, 1e-9, 0.001, 0.00101, 5), { nil: undefined }),
  quality: fc.double({ min: 0, max: 1, noNaN: true }),
  weight: fc.double({ min: 0.001, max: 1000, noNaN: true }),
  busy: fc.nat(100),
  failureShare: fc.double({ min: 0, max: 1, noNaN: true }),
  isWarm: fc.boolean(),
})

test('whatever is known of them, each candidate has one place', () => {
  fc.assert(
    fc.property(
      fc.array(anyChoice, { maxLength: 30 }),
      fc.constantFrom(...objectives),
      fc.nat(),
      (given, how, seed) => {
        const choices = given.map((each, index) => choice({ ...each, id: String(index) }, index))
        const found = ordered(choices, how, seededRandom(seed))
        expect(new Set(found)).toEqual(new Set(choices))
        expect(found.length).toBe(choices.length)
      },
    ),
  )
})

test('whoever is first by cost, time or quality is so wherever it stands in the route', () => {
  fc.assert(
    fc.property(
      fc.array(anyChoice, { minLength: 2, maxLength: 12 }),
      fc.constantFrom('cheapest' as const, 'best' as const),
      fc.nat(),
      (given, how, seed) => {
        const random = seededRandom(seed)
        const ids = given.map((each, index) => ({ ...each, id: String(index), isWarm: false }))
        const shuffled = ids.map((each) => ({ each, key: random() })).toSorted((a, b) => a.key - b.key)
        const key = (id: string | undefined) => {
          const { cost, quality } = ids[Number(id)] ?? {}
          return how === 'cheapest' ? (cost ?? 1e9) : 1 - (quality ?? 0)
        }
        const first = key(order(ids, how)[0])
        const other = key(
          order(
            shuffled.map(({ each }) => each),
            how,
          )[0],
        )
        expect(Math.abs(first - other)).toBeLessThanOrEqual(0.011 * Math.max(first, other))
      },
    ),
  )
})

test('one that fails often is not the fastest, however fast it is when it does not', () => {
  const given = [
    { id: 'flaky', latencyMs: 100, failureShare: 0.5 },
    { id: 'steady', latencyMs: 300 },
  ]
  expect(order(given, 'fastest')).toEqual(['steady', 'flaky'])
})

test('a balanced choice weighs time, cost and quality', () => {
  const quick = { id: 'quick', latencyMs: 500, cost: 0.01, quality: 0.5 }
  expect(order([{ id: 'slower', latencyMs: 900, cost: 0.01, quality: 0.5 }, quick], 'balanced')[0]).toBe('quick')
  expect(order([{ id: 'cheaper', latencyMs: 600, cost: 0.001, quality: 0.5 }, quick], 'balanced')[0]).toBe('cheaper')
  expect(order([{ id: 'better', latencyMs: 600, cost: 0.012, quality: 0.8 }, quick], 'balanced')[0]).toBe('better')
  expect(order([{ id: 'unknown', cost: 0.01, quality: 0.5 }, quick], 'balanced')[0]).toBe('quick')
})

test('the less busy of two goes first, by what it can take', () => {
  const given = [
    { id: 'small', busy: 4, weight: 1 },
    { id: 'large', busy: 10, weight: 5 },
  ]
  for (let seed = 0; seed < 20; seed++) expect(order(given, 'least-busy', seededRandom(seed))[0]).toBe('large')
})

test('of many, two are looked at, so that not all go to the same at one moment', () => {
  const given = Array.from({ length: 10 }, (_, index) => ({ id: String(index), busy: index }))
  const random = seededRandom(3)
  const firsts = Array.from({ length: 2000 }, () => order(given, 'least-busy', random)[0])
  const share = (id: string) => firsts.filter((each) => each === id).length / firsts.length
  expect(share('0')).toBeCloseTo(2 / 10, 1)
  expect(share('9')).toBe(0)
})

test('who has read the beginning goes first where it is nearly as good and has no more than its share to do', () => {
  const fast = { id: 'fast', latencyMs: 1000 }
  expect(order([fast, { id: 'warm', latencyMs: 1200, isWarm: true }], 'fastest')[0]).toBe('warm')
  expect(order([fast, { id: 'warm', latencyMs: 1300, isWarm: true }], 'fastest')[0]).toBe('fast')
  expect(order([fast, { id: 'warm', latencyMs: 1200, isWarm: true, busy: 3 }], 'fastest')[0]).toBe('fast')
  expect(
    order(
      [
        { ...fast, busy: 3 },
        { id: 'warm', latencyMs: 1200, isWarm: true, busy: 3 },
      ],
      'fastest',
    )[0],
  ).toBe('warm')
})
