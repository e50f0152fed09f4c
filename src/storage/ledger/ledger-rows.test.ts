import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entry, openedStore } from '../../../test/ledger-fixture.ts'
import { requestColumns, requestRow, requestValues } from './columns.ts'
import { LedgerWriter } from './ledger-writer.ts'
import { dayMs } from './roll-up.ts'

const unbounded = { since: 0, contentSince: 0, maxBytes: Infinity }

test('a request has one row, its attempt and its place in all sums, however often it is written', async () => {
  const { store, db } = await openedStore()
  const batch = [entry('a'), entry('b', { cost_usd: null }), entry('a', { cost_usd: 99 })]
  await store.ledger.write(batch)
  const { totals } = await store.ledger.write(batch)
  expect(totals.rows).toBe(2)
  expect(db.prepare('select count(*) as n from attempts').get()).toEqual({ n: 2 })
  for (const table of ['usage_minutes', 'usage_hours', 'usage_days']) {
    const sums = db.prepare(`select requests, priced, unpriced, cost_usd, prompt_tokens, cached_tokens from ${table}`)
    expect(sums.all()).toEqual([
      { requests: 2, priced: 1, unpriced: 1, cost_usd: 0.25, prompt_tokens: 20, cached_tokens: 8 },
    ])
  }
  expect(await store.ledger.find('a')).toMatchObject({
    id: 'a',
    cost_usd: 0.25,
    attempts_made: [{ number: 1, provider: 'up', model: 'm', status: 200, started_ms: 1, output_tokens: 5 }],
    content: null,
  })
  expect(await store.ledger.find('c')).toBeUndefined()
})

test('each of several attempts has its own line', async () => {
  const { store } = await openedStore()
  const one = { started_ms: 0, model: 'm', reason: null, prompt_tokens: null, output_tokens: null, ttft_ms: null }
  const attempts = [
    { ...one, number: 1, provider: 'down', status: 503, error: 'provider_overloaded', total_ms: 5, cost_usd: null },
    { ...one, number: 2, provider: 'up', status: 200, error: null, total_ms: 25, cost_usd: 0.25 },
  ]
  await store.ledger.write([entry('a', { attempts: 2 }, { attempts }), entry('refused', { attempts: 0 })])
  expect((await store.ledger.find('a'))?.attempts_made).toEqual(attempts)
  expect((await store.ledger.find('refused'))?.attempts_made).toEqual([])
})

test('a row is read from its values, and its values from it, in the order in which they are written', () => {
  const row = requestRow(requestColumns)
  expect(row).toEqual(Object.fromEntries(requestColumns.map((name) => [name, name])))
  expect(requestValues(row)).toEqual(requestColumns)
})

test('tries of a ledger from before, when the only one had a line too, are told once', async () => {
  const { store, db } = await openedStore()
  await store.ledger.write([entry('old'), entry('new')])
  db.exec(
    "insert into attempts_kept (request, number, started_ms, provider, model, status, total_ms) values (1, 1, 1, 'up', 'm', 200, 25)",
  )
  expect(db.prepare('select request, provider, total_ms from attempts order by request').all()).toEqual([
    { request: 1, provider: 'up', total_ms: 25 },
    { request: 2, provider: 'up', total_ms: 30 },
  ])
})

test('whatever texts come, they are kept as they are and mean nothing to the database', async () => {
  const { store } = await openedStore()
  const hostile = [
    `'); drop table requests; --`,
    '"\u0000\u001B[2J',
    '<script>alert(1)</script>',
    '\u202Eevil',
    '$(id)',
  ]
  const rows = hostile.map((text, index) =>
    entry(`h${index}`, { model: text, key_name: text, served_model: text, error: text, team_id: text, tier: text }),
  )
  await store.ledger.write(rows)
  const shown = await store.ledger.latest(10)
  expect(shown.map(({ model }) => model)).toEqual(hostile.toReversed())
  expect(shown[0]).toMatchObject({ key_name: '$(id)', served_model: '$(id)', error: '$(id)', tier: '$(id)' })
  const { lines } = await store.ledger.usage('team', { since: 0, until: Date.now() + 1000 })
  expect(new Set(lines.map(({ group }) => group))).toEqual(new Set(hostile))
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 50 }), fc.uuid(), async (text, id) => {
      await store.ledger.write([entry(id, { model: text })])
      expect((await store.ledger.find(id))?.model).toBe(text.toWellFormed())
    }),
    { numRuns: 50 },
  )
})

test('a request is described without being kept, with a secret that only this home has', async () => {
  const { store, file } = await openedStore()
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'a secret thought' }], temperature: 0 })
  await store.ledger.write([entry('a', {}, { body }), entry('b', {}, { body }), entry('c', {}, { body: '{broken' })])
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => store.ledger.find(id)))
  expect(a?.exact_key).toMatch(/^[0-9a-f]{32}$/)
  expect(a).toMatchObject({ exact_key: b?.exact_key, determinism: 'greedy', prefix_hashes: [{ border: true }] })
  expect(c).toMatchObject({ exact_key: null, determinism: null, prefix_hashes: [] })
  expect(readFileSync(file).includes('secret thought')).toBe(false)
  expect(readFileSync(`${file}-wal`).includes('secret thought')).toBe(false)
  const secret = statSync(join(dirname(file), 'ledger.secret'))
  expect([secret.size, secret.mode & 0o777]).toEqual([32, 0o600])
})

test('content is kept where it is wanted, redacted, and goes before its row', async () => {
  const { store } = await openedStore()
  const content = { asked: '{"q":"me@example.com"}', answered: 'Hello me@example.com', redact: true }
  const before = (await store.ledger.write([entry('a', { received_at: Date.now() - 8 * dayMs }, { content })])).totals
  expect((await store.ledger.find('a'))?.content).toEqual({ asked: '{"q":"[email]"}', answered: 'Hello [email]' })
  const now = Date.now()
  const { totals } = await store.ledger.sweep({ ...unbounded, contentSince: now - 7 * dayMs, now })
  expect(await store.ledger.find('a')).toMatchObject({ id: 'a', content: null })
  expect(totals.bytes).toBeLessThan(before.bytes)
})

test('old rows go in small steps, and their sums by the day stay', async () => {
  const { store, db } = await openedStore()
  const now = Date.now()
  const old = Array.from({ length: 1200 }, (_, index) => entry(`old${index}`, { received_at: now - 40 * dayMs }))
  await store.ledger.write(old)
  await store.ledger.write([entry('new')])
  const bounds = { ...unbounded, since: now - 30 * dayMs, now }
  const left: number[] = []
  for (let more = true; more;) {
    const done = await store.ledger.sweep(bounds)
    left.push(done.totals.rows)
    more = done.more
  }
  expect(left).toEqual([701, 201, 1])
  expect(db.prepare('select count(*) as n from attempts').get()).toEqual({ n: 1 })
  expect((await store.ledger.latest(10)).map(({ id }) => id)).toEqual(['new'])
  // Minutes that are older than two days are of no use; days tell the same.
  expect(db.prepare('select sum(requests) as n from usage_minutes').get()).toEqual({ n: 1 })
  const { lines } = await store.ledger.usage('model', { since: now - 60 * dayMs, until: now })
  expect(lines).toMatchObject([{ group: 'up/m', requests: 1201 }])
})

test('the oldest rows make room for new ones', async () => {
  const { store } = await openedStore()
  const write = async (from: number, count: number) =>
    (await store.ledger.write(Array.from({ length: count }, (_, index) => entry(`r${from + index}`)))).totals
  const { bytes } = await write(0, 1000)
  const maxBytes = bytes / 2
  while ((await store.ledger.sweep({ ...unbounded, maxBytes, now: Date.now() })).more);
  const rows = await store.ledger.latest(1000)
  expect(rows.length).toBeGreaterThan(450)
  expect(rows.length).toBeLessThanOrEqual(500)
  expect(rows[0]?.id).toBe('r999')
  expect((await write(1000, 1)).rows).toBe(rows.length + 1)
})

test('a batch that does not fit on a full disk is not there at all, and comes whole later', async () => {
  const { store, file, db } = await openedStore()
  await store.ledger.write([entry('before')])
  const own = new DatabaseSync(file)
  const writer = new LedgerWriter(own, () => new Uint8Array(32))
  const entries = Array.from({ length: 400 }, (_, index) => {
    const { row } = entry(`r${index}`, { model: 'x'.repeat(200) })
    return { row: requestColumns.map((name) => row[name]) }
  })
  const { page_count: pages } = own.prepare('pragma page_count').get() as { page_count: number }
  own.exec(`pragma max_page_count = ${pages + 5}`)
  expect(() => writer.run({ task: 'write', entries })).toThrow(/full/)
  const counted = db.prepare(
    'select (select count(*) from requests) as rows, (select sum(requests) from usage_days) as sums',
  )
  expect(counted.get()).toEqual({ rows: 1, sums: 1 })
  own.exec('pragma max_page_count = 1000000')
  expect(writer.run({ task: 'write', entries }).totals.rows).toBe(401)
  expect(counted.get()).toEqual({ rows: 401, sums: 401 })
  expect(own.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
  own.close()
})

test('a body that takes long to read is not described, and its row is written all the same', async () => {
  const { store } = await openedStore()
  const many = (piece: string, count: number) => Array.from({ length: count }, () => piece).join(',')
  const bodies = [`{"messages":[${many('[]', 100_001)}]}`, '['.repeat(2_000_000), `{"input":[${many('1', 1_000_000)}]}`]
  await store.ledger.write(bodies.map((body, index) => entry(`r${index}`, {}, { body })))
  const rows = await store.ledger.latest(10)
  expect(rows.map(({ exact_key: key }) => key)).toEqual([null, null, null])
  const long = JSON.stringify({ messages: [{ role: 'user', content: 'word '.repeat(700_000) }] })
  await store.ledger.write([entry('long', {}, { body: long })])
  expect((await store.ledger.find('long'))?.prefix_hashes).toHaveLength(1024)
})
