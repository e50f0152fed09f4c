import fc from 'fast-check'
import { expect, test } from 'vitest'
import { played, type AskedOnce, type Behaviour } from './whole-path.ts'

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
  leavesMs: maybe(fc.constantFrom(0, 1, 15, 400, 3000)),
  readsMs: maybe(fc.constantFrom(0, 30, 2000)),
  breaksAt: maybe(fc.integer({ min: 0, max: 3 })),
})

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
    maybe(fc.constantFrom(1, 3, 60)),
    async (requests, behaviours, limit) => {
      const { isOver, left, ends, entries, calls } = await played(requests, behaviours, limit)
      expect(isOver).toBe(true)
      expect(left).toEqual({ calls: 0, inFlight: 0, paced: 0, shared: 0, admitted: 0 })
      expect(entries.map(({ row }) => row.id).toSorted()).toEqual(requests.map((_, index) => String(index)).toSorted())
      // Each call of a provider is in one row, that of whoever asked for it.
      expect(entries.reduce((sum, { row }) => sum + row.attempts, 0)).toBe(calls)
      for (const { row, attempts } of entries) if (attempts) expect(attempts).toHaveLength(row.attempts)
      for (const { text, error } of ends) if (error === undefined) expect(completeAnswers(behaviours)).toContain(text)
    },
  )
  await fc.assert(property, { numRuns: 300 })
}, 60_000)
