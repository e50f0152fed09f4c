import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entry, openedStore } from '../../test/ledger-fixture.ts'
import type { Whose } from './spend-rows.ts'

const dayMs = 86_400_000

test('adds up what the rows of a key, a team or a model took since a time', async () => {
  const { store } = await openedStore()
  const now = Date.now()
  let run = 0
  const request = fc.record({
    // A clock that was set back leaves rows in the future.
    daysAgo: fc.double({ min: -3, max: 40, noNaN: true }),
    key: fc.constantFrom('k1', 'k2'),
    team: fc.constantFrom('t1', null),
    model: fc.constantFrom('m', 'up/m', 'other'),
    isSent: fc.boolean(),
    tokens: fc.option(fc.nat(1000), { nil: null }),
    cents: fc.option(fc.nat(500), { nil: null }),
  })
  const whose = fc.constantFrom<Whose>(
    { kind: 'key', id: 'k1' },
    { kind: 'team', id: 't1' },
    { kind: 'model', id: 'm' },
    { kind: 'model', id: 'up/m' },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 60 }), whose, fc.nat(30), async (requests, { kind, id }, days) => {
      // Each run has names of its own in the same database.
      run++
      const whose = { kind, id: `${id}-${run}` }
      const rows = requests.map(({ daysAgo, key, team, model, isSent, tokens, cents }, index) => ({
        received_at: Math.round(now - daysAgo * dayMs),
        key_id: `${key}-${run}`,
        team_id: team && `${team}-${run}`,
        model: `${model}-${run}`,
        provider: isSent ? 'up' : null,
        served_model: isSent ? 'm' : null,
        prompt_tokens: tokens,
        output_tokens: tokens === null ? null : 1,
        cost_usd: cents === null ? null : cents / 100,
        id: `${run}/${index}`,
      }))
      await store.ledger.write(rows.map((row) => entry(row.id, row)))
      const from = Math.floor((now - days * dayMs) / 3_600_000) * 3_600_000
      const names = [whose.id, whose.id.replace('up/', ''), `up/${whose.id}`]
      const theirs = rows.filter(
        (row) =>
          row.provider !== null &&
          row.received_at >= from &&
          (whose.kind === 'model' ? names.includes(row.model) : [row.key_id, row.team_id].includes(whose.id)),
      )
      const sum = (of: (row: (typeof rows)[number]) => number) => theirs.reduce((total, row) => total + of(row), 0)
      const spent = await store.spend.since(whose, from)
      expect(spent.requests).toBe(theirs.length)
      expect(spent.tokens).toBe(sum((row) => (row.prompt_tokens ?? 0) + (row.output_tokens ?? 0)))
      expect(spent.usd).toBeCloseTo(sum((row) => row.cost_usd ?? 0))
      if (theirs.length === 0) expect(spent.first).toBeNull()
      else expect(spent.first).toBeLessThanOrEqual(Math.min(...theirs.map((row) => row.received_at)))
    }),
    { numRuns: 25 },
  )
})
