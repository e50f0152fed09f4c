import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ErrorCode } from '../../src/canonical/errors.ts'
import { lookUpMs, played, type AskedOnce, type Behaviour, type Surroundings } from './whole-path.ts'

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  firstMs: fc.constantFrom(0, 10, 300, 5000),
  pieces: fc.integer({ min: 0, max: 4 }),
  betweenMs: fc.constantFrom(0, 20, 1000),
  ends: fc.oneof(
    { weight: 5, arbitrary: fc.constant('well' as const) },
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        'filtered' as const,
        'fails before content' as const,
        'fails in the middle' as const,
        'stalls' as const,
        'refuses' as const,
        'is cut' as const,
      ),
    },
  ),
})

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })

const request: fc.Arbitrary<AskedOnce> = fc.record({
  atMs: fc.constantFrom(0, 0, 5, 100, 2000, 20_000),
  model: fc.constantFrom('p/m' as const, 'q/m' as const, 'route' as const, 'hedged' as const),
  stream: fc.boolean(),
  relayable: fc.boolean(),
  text: fc.integer({ min: 0, max: 2 }),
  deterministic: fc.boolean(),
  wish: maybe(fc.constantFrom('off' as const, 'on' as const, 'only' as const, 'refresh' as const)),
  tenant: fc.constantFrom('one' as const, 'other' as const),
  tier: maybe(fc.constantFrom('priority' as const, 'flex' as const)),
  deadlineMs: maybe(fc.constantFrom(5, 400, 6000, 100_000)),
  leavesMs: maybe(fc.constantFrom(0, 1, 15, 400, 3000)),
  readsMs: maybe(fc.constantFrom(0, 30, 2000)),
  breaksAt: maybe(fc.integer({ min: 0, max: 3 })),
})

const surroundings: fc.Arbitrary<Surroundings> = fc.record({
  limit: maybe(fc.constantFrom(1, 3, 60)),
  queue: fc.constantFrom(0, 1, 1000),
  second: fc.boolean(),
  semantic: fc.boolean(),
})

/** What a client may be told went wrong: only what it did itself, what it asked for, or what providers do. */
function possibleErrors(
  one: AskedOnce,
  behaviours: readonly Behaviour[],
  { limit }: Surroundings,
): ReadonlySet<ErrorCode> {
  const does = (...ends: Behaviour['ends'][]) => behaviours.some((each) => ends.includes(each.ends))
  const isFailing = does('fails before content', 'fails in the middle', 'stalls', 'is cut')
  const codes: readonly (readonly [ErrorCode, boolean])[] = [
    ['client_closed', one.leavesMs !== undefined || one.breaksAt !== undefined],
    ['cache_miss', one.wish === 'only'],
    ['deadline_exceeded', one.deadlineMs !== undefined],
    ['no_candidate', one.deadlineMs !== undefined],
    ['queue_full', limit !== undefined],
    ['provider_failed', does('fails before content', 'fails in the middle')],
    ['provider_invalid_reply', does('is cut')],
    ['provider_timeout', does('stalls')],
    ['provider_overloaded', isFailing],
    ['invalid_value', does('refuses')],
  ]
  return new Set(codes.flatMap(([code, isPossible]) => (isPossible ? [code] : [])))
}

/** Whoever is told that all went well has all of an answer; a dot ends those that are passed on in pieces. */
function completeAnswers(behaviours: readonly Behaviour[]): readonly string[] {
  return behaviours.flatMap(({ pieces, ends }) => {
    const isComplete = ends === 'well' || ends === 'filtered' || (pieces === 0 && ends !== 'refuses')
    const text = Array.from({ length: pieces }, (_, index) => `${index} `).join('')
    return isComplete ? [text, `${text}.`] : []
  })
}

test('whatever providers and clients do, every request ends, has its row, and leaves nothing behind', async () => {
  const property = fc.asyncProperty(
    fc.array(request, { minLength: 1, maxLength: 12 }),
    fc.array(behaviour, { minLength: 1, maxLength: 8 }),
    surroundings,
    async (requests, behaviours, around) => {
      const { left, settlements, ends, entries, calls } = await played(requests, behaviours, around)
      expect(left).toEqual({ calls: 0, inFlight: 0, paced: 0, shared: 0, pending: 0 })
      // Of those for whom nobody can be asked, nothing is set aside.
      const admitted = ends.filter(({ code }) => code !== 'no_candidate')
      expect(settlements).toEqual(admitted.map(() => 1))
      expect(entries.map(({ row }) => row.id).toSorted()).toEqual(requests.map((_, index) => String(index)).toSorted())
      // Each call of a provider is in one row, that of whoever asked for it.
      expect(entries.reduce((sum, { row }) => sum + row.attempts, 0)).toBe(calls)
      for (const { row, attempts } of entries) {
        if (!attempts) continue
        expect(attempts).toHaveLength(row.attempts)
        expect(new Set(attempts.map(({ number }) => number)).size).toBe(attempts.length)
      }
      requests.forEach((one, index) => {
        const { text, code, tookMs } = ends[index] as (typeof ends)[number]
        if (code === undefined) expect(completeAnswers(behaviours)).toContain(text)
        else expect([...possibleErrors(one, behaviours, around)]).toContain(code)
        // Who reads slowly has an answer late that was there in time; and what is kept is looked for, which is bounded.
        if (one.deadlineMs === undefined || one.readsMs !== undefined) return
        expect(tookMs).toBeLessThanOrEqual(one.deadlineMs + lookUpMs.second + lookUpMs.semantic)
      })
    },
  )
  await fc.assert(property, { numRuns: 300 })
}, 60_000)
