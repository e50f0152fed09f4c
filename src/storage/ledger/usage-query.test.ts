import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entry, openedStore } from '../../../test/ledger-fixture.ts'
import { dayMs, rollUps } from './roll-up.ts'
import { piecesOf, usageGroups } from './usage-query.ts'

const minuteMs = 60_000
const now = Date.UTC(2026, 10, 25, 12, 34, 56)

test('every moment is read from exactly one sum, and none from a sum that may be gone', () => {
  const ago = fc.oneof(
    fc.integer({ min: 0, max: 4000 * dayMs }),
    fc.integer({ min: 0, max: 3 * dayMs }),
    fc.integer({ min: 0, max: 100 }).map((days) => days * dayMs),
  )
  fc.assert(
    fc.property(ago, ago, fc.constantFrom(...usageGroups), (one, other, by) => {
      const asked = { since: now - Math.max(one, other), until: now - Math.min(one, other) }
      const { pieces, range } = piecesOf(asked, now, by)
      const sorted = pieces.toSorted((a, b) => a.from - b.from)
      let at = range.since
      for (const { table, from, to } of sorted) {
        const { periodMs, keptMs } = rollUps.find((each) => each.table === table) ?? rollUps[0]
        expect(from).toBe(at)
        expect([from % periodMs, to % periodMs]).toEqual([0, 0])
        expect(from).toBeGreaterThanOrEqual(now - keptMs)
        at = to
      }
      expect(at).toBe(range.until)
      if (by !== 'hour' && asked.since > now - 3600 * dayMs) expect(range.since).toBeLessThanOrEqual(asked.since)
      expect(range.until).toBeGreaterThanOrEqual(asked.until)
    }),
    { numRuns: 2000 },
  )
})

test('sums are those of the rows, by whatever they are grouped and from whenever on', async () => {
  const { store } = await openedStore()
  const end = Math.floor(Date.now() / minuteMs) * minuteMs
  const moment = fc.integer({ min: 1, max: 40 * dayMs }).map((ago) => end - ago)
  const row = fc.record({
    received_at: moment,
    key_id: fc.constantFrom('k1', 'k2', null),
    team_id: fc.constantFrom('t1', null),
    model: fc.constantFrom('up/m', 'm', 'other/n'),
    provider: fc.constantFrom('up', 'other'),
    served_model: fc.constantFrom('m', 'n'),
    status: fc.constantFrom(200, 499, 502),
    prompt_tokens: fc.option(fc.nat(1000)),
    output_tokens: fc.option(fc.nat(1000)),
    cost_usd: fc.option(fc.integer({ min: 0, max: 1000 }).map((n) => n / 1024)),
  })
  const rows = fc.sample(row, 3000).map((each, index) => entry(`r${index}`, each))
  for (let at = 0; at < rows.length; at += 500) await store.ledger.write(rows.slice(at, at + 500))
  for (const by of usageGroups) {
    for (const days of [0.01, 0.7, 1, 3, 30, 50]) {
      const { lines, range } = await store.ledger.usage(by, { since: end - days * dayMs, until: end })
      const within = rows.filter(({ row: { received_at: at } }) => at >= range.since && at < range.until)
      const groups = Map.groupBy(within, ({ row: each }) => {
        if (by === 'model') return `${each.provider}/${each.served_model}`
        if (by === 'day') return new Date(each.received_at).toISOString().slice(0, 10)
        if (by === 'hour') return `${new Date(each.received_at).toISOString().slice(0, 13)}:00Z`
        return { key: each.key_id, team: each.team_id, provider: each.provider, route: each.model }[by] ?? ''
      })
      const expected = [...groups].map(([group, all]) => ({
        group,
        requests: all.length,
        errors: all.filter(({ row: { status } }) => status === 502).length,
        left_early: all.filter(({ row: { status } }) => status === 499).length,
        prompt_tokens: all.reduce((sum, { row: each }) => sum + (each.prompt_tokens ?? 0), 0),
        cost_usd: all.reduce((sum, { row: each }) => sum + (each.cost_usd ?? 0), 0),
        priced: all.filter(({ row: each }) => each.cost_usd !== null).length,
      }))
      const shown = lines.map(({ group, requests, errors, left_early, prompt_tokens, cost_usd, priced }) => {
        return { group, requests, errors, left_early, prompt_tokens, cost_usd, priced }
      })
      const sorted = (list: { group: string }[]) => list.toSorted((a, b) => (a.group < b.group ? -1 : 1))
      expect(sorted(shown)).toEqual(sorted(expected))
    }
  }
})

test('names that nobody serves have one line together', async () => {
  const { store } = await openedStore()
  const invented = Array.from({ length: 50 }, (_, index) =>
    entry(`r${index}`, { model: `made-up-${index}`, provider: null, served_model: null, status: 404, attempts: 0 }),
  )
  await store.ledger.write(invented)
  const { lines } = await store.ledger.usage('route', { since: Date.now() - dayMs, until: Date.now() })
  expect(lines).toMatchObject([{ group: '', requests: 50, errors: 50 }])
})
