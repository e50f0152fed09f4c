// Keys and teams as their owner makes them, kept in a real database.
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { homeSecret } from '../../storage/home-secret.ts'
import { openStore, type Store } from '../../storage/store.ts'
import { KeyAdmin } from './key-admin.ts'
import { KeyRing } from './key-ring.ts'

const me = { keyId: 'admin', name: 'admin' }

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'inferloom-keys-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}

async function open(home: string): Promise<{ store: Store; ring: KeyRing; admin: KeyAdmin }> {
  const store = await openStore(home)
  onTestFinished(() => store.close())
  const secret = createSecretKey(homeSecret(home, 'keys.secret'))
  const ring = new KeyRing(secret, await store.keys.all())
  return { store, ring, admin: new KeyAdmin(ring, store.keys, secret) }
}

test('a key opens at once and after a restart, and is nowhere on disk', async () => {
  const home = newHome()
  const { store, ring, admin } = await open(home)
  expect(ring.isUsed).toBe(false)
  const made = await admin.createKey({ name: 'app', limits: { rpm: 7 }, models: ['a'], tier: 'flex' }, me)
  expect(made.key).toMatch(/^il-[\w-]{43}$/)
  expect(made.key.startsWith(made.prefix)).toBe(true)
  expect(ring.isUsed).toBe(true)
  const caller = { keyId: made.id, name: 'app', scopes: new Set(['inference']), models: new Set(['a']), tier: 'flex' }
  expect(ring.find(made.key)).toEqual({ state: 'active', caller })
  await store.close()

  const again = await open(home)
  expect(again.ring.find(made.key)).toEqual({ state: 'active', caller })
  expect(again.ring.limitsOf({ keyId: made.id, name: '', scopes: new Set() }).key).toEqual({ rpm: 7 })
  for (const file of ['inferloom.db', 'inferloom.db-wal']) {
    expect(readFileSync(join(home, file)).includes(made.key.slice(3))).toBe(false)
  }
  expect(JSON.stringify(await again.admin.latestAudit(10))).not.toContain(made.key)
})

test('where no more keys are kept, one that was revoked longest ago makes room, and none that opens', async () => {
  const home = newHome()
  const { store, ring } = await open(home)
  const secret = createSecretKey(homeSecret(home, 'keys.secret'))
  const admin = new KeyAdmin(ring, store.keys, secret, 3)
  const [first, second] = [await admin.createKey({ name: 'a' }, me), await admin.createKey({ name: 'b' }, me)]
  await admin.createKey({ name: 'c' }, me)
  await expect(admin.createKey({ name: 'd' }, me)).rejects.toThrow('There are 3 keys. Remedy: revoke some.')
  await admin.revokeKey('b', me)
  await new Promise((resolve) => setTimeout(resolve, 2))
  await admin.revokeKey('a', me)
  await admin.createKey({ name: 'd' }, me)
  expect(ring.find(first.key)).toMatchObject({ state: 'revoked', name: 'a' })
  expect(ring.find(second.key)).toBeUndefined()
  expect((await admin.latestAudit(2)).map(({ action, name }) => [action, name])).toEqual([
    ['key.create', 'd'],
    ['key.forget', 'b'],
  ])
  const names = (await store.keys.all()).keys.map(({ name }) => name)
  expect(names.toSorted()).toEqual(['a', 'c', 'd'])
})

test('only the key itself opens: no part of it, nothing like it, and nothing under another secret', async () => {
  const home = newHome()
  const { store, ring, admin } = await open(home)
  const { key } = await admin.createKey({ name: 'app' }, me)
  const other = new KeyRing(createSecretKey(Buffer.alloc(32)), await store.keys.all())
  expect(other.find(key)).toBeUndefined()
  const changed = fc
    .tuple(fc.nat(key.length - 1), fc.string({ maxLength: 3 }))
    .map(([at, text]) => key.slice(0, at) + text + key.slice(at + 1))
  fc.assert(
    fc.property(fc.oneof(changed, fc.string(), fc.constant(key.slice(0, -1)), fc.constant(`${key} `)), (guess) => {
      expect(ring.find(guess) !== undefined).toBe(guess === key)
    }),
  )
})

test('a secret is made once, readable by its owner alone, also where two processes want it at the same time', () => {
  const home = newHome()
  const secrets = [homeSecret(home, 'a.secret'), homeSecret(home, 'a.secret')]
  expect(secrets[1]).toEqual(secrets[0])
  expect(statSync(join(home, 'a.secret')).mode & 0o777).toBe(0o600)
})

test('a revoked key opens nothing, its name is free, and what is known of it stays', async () => {
  const { ring, admin } = await open(newHome())
  const first = await admin.createKey({ name: 'app' }, me)
  await expect(admin.createKey({ name: 'app' }, me)).rejects.toThrow(/named 'app'/)
  await admin.revokeKey('app', me)
  expect(ring.find(first.key)).toMatchObject({ state: 'revoked', name: 'app' })
  expect(ring.isUsed).toBe(false)
  const second = await admin.createKey({ name: 'app' }, me)
  expect(ring.find(second.key)).toMatchObject({ state: 'active' })
  expect(ring.find(first.key)).toMatchObject({ state: 'revoked' })
  expect(admin.listKeys().data.map(({ id }) => id)).toEqual([second.id])
  expect(admin.listKeys({ revoked: true }).data.map(({ state }) => state)).toEqual(['revoked', 'active'])
  await expect(admin.revokeKey(first.id, me)).rejects.toThrow(/no key/)
})

test('a rotated key goes on as what it was; the former one opens as long as was asked for', async () => {
  const { ring, admin } = await open(newHome())
  const { key: first, id } = await admin.createKey({ name: 'app', limits: { rpm: 1 } }, me)
  const { key: second } = await admin.rotateKey('app', { overlap_seconds: 60 }, me)
  const callers = [first, second].map((key) => ring.find(key))
  expect(callers[0]).toEqual(callers[1])
  expect(callers[0]).toMatchObject({ state: 'active', caller: { keyId: id } })
  const { key: third } = await admin.rotateKey('app', {}, me)
  expect(ring.find(first)).toBeUndefined()
  expect(ring.find(second)).toMatchObject({ state: 'replaced', name: 'app' })
  expect(ring.find(third)).toMatchObject({ state: 'active' })
  expect(admin.listKeys().data).toHaveLength(1)
})

test('an expired key opens nothing, and its expiry opens nothing to those without a key', async () => {
  const home = newHome()
  const { store, admin } = await open(home)
  const { key, id } = await admin.createKey({ name: 'app', expires_at: Date.now() + 60_000 }, me)
  const { keys } = await store.keys.all()
  const past = keys.map((row) => ({ ...row, expires_at: Date.now() - 1 }))
  const ring = new KeyRing(createSecretKey(homeSecret(home, 'keys.secret')), { keys: past, teams: [] })
  expect(ring.isUsed).toBe(true)
  expect(ring.find(key)).toMatchObject({ state: 'expired', name: 'app' })
  expect(ring.keys().map((row) => row.id)).toEqual([id])
  await expect(admin.updateKey('app', { expires_at: Date.now() - 1 }, me)).rejects.toThrow(/later than now/)
})

test('a change names only what changes; null takes a limit away', async () => {
  const { ring, admin } = await open(newHome())
  const { key } = await admin.createKey({ name: 'app', limits: { rpm: 1, tpm: 2 }, models: ['a'], tier: 'flex' }, me)
  const view = await admin.updateKey('app', { name: 'web', limits: { rpm: null, concurrency: 3 }, models: null }, me)
  expect(view).toMatchObject({ name: 'web', limits: { tpm: 2, concurrency: 3 }, models: null, tier: 'flex' })
  expect(view.limits).toEqual({ tpm: 2, concurrency: 3 })
  const found = ring.find(key)
  if (found?.state !== 'active') throw new Error('the key does not open')
  expect(found.caller.models).toBeUndefined()
  expect(ring.limitsOf(found.caller).key).toEqual({ tpm: 2, concurrency: 3 })
})

test('changes at the same time are all kept', async () => {
  const { admin } = await open(newHome())
  await admin.createKey({ name: 'app' }, me)
  await Promise.all([
    admin.updateKey('app', { limits: { rpm: 1 } }, me),
    admin.updateKey('app', { limits: { tpm: 2 } }, me),
    admin.updateKey('app', { tier: 'priority' }, me),
  ])
  expect(admin.showKey('app')).toMatchObject({ limits: { rpm: 1, tpm: 2 }, tier: 'priority' })
  const twins = await Promise.allSettled([admin.createKey({ name: 'b' }, me), admin.createKey({ name: 'b' }, me)])
  expect(twins.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test("a team's limits and models hold for its keys from the moment they change", async () => {
  const { ring, admin } = await open(newHome())
  const team = await admin.createTeam({ name: 'research', models: ['a', 'b'], limits: { rpm: 5 } }, me)
  const { key } = await admin.createKey({ name: 'app', team: 'research', models: ['b', 'c'] }, me)
  const caller = () => {
    const found = ring.find(key)
    if (found?.state !== 'active') throw new Error('the key does not open')
    return found.caller
  }
  expect(caller()).toMatchObject({ teamId: team.id, models: new Set(['b']) })
  expect(ring.limitsOf(caller()).team).toEqual({ rpm: 5 })
  await admin.updateTeam('research', { models: ['c'], limits: { rpm: 6 } }, me)
  expect(caller().models).toEqual(new Set(['c']))
  expect(ring.limitsOf(caller()).team).toEqual({ rpm: 6 })
  await expect(admin.removeTeam('research', me)).rejects.toThrow(/has 1 keys/)
  await admin.updateKey('app', { team: null }, me)
  await admin.removeTeam('research', me)
  expect(caller().models).toEqual(new Set(['b', 'c']))
  await expect(admin.createKey({ name: 'late', team: 'research' }, me)).rejects.toThrow(/no team 'research'/)
})

test('every change is written down: who, what, before and after, and no key', async () => {
  const { admin } = await open(newHome())
  const { key } = await admin.createKey({ name: 'app' }, me)
  await admin.updateKey('app', { name: 'web' }, { keyId: 'key_1', name: 'boss' })
  const rotated = await admin.rotateKey('web', {}, me)
  await admin.revokeKey('web', me)
  await admin.createTeam({ name: 't' }, me)
  await admin.updateTeam('t', { name: 'u' }, me)
  await admin.removeTeam('u', me)
  await expect(admin.updateKey('none', {}, me)).rejects.toThrow()
  const rows = await admin.latestAudit(20)
  const actions = 'team.remove team.update team.create key.revoke key.rotate key.update key.create'
  expect(rows.map(({ action }) => action)).toEqual(actions.split(' '))
  expect(rows[5]).toMatchObject({ actor_id: 'key_1', actor: 'boss', before: { name: 'app' }, after: { name: 'web' } })
  expect(rows[0]).toMatchObject({ before: { name: 'u' }, after: null })
  for (const secret of [key, rotated.key]) expect(JSON.stringify(rows)).not.toContain(secret)
})

test.each([
  [{}, 'name'],
  [{ name: '' }, 'name'],
  [{ name: 'x'.repeat(101) }, 'name'],
  [{ name: 7 }, 'name'],
  [{ name: 'a', limits: { rpm: -1 } }, 'limits.rpm'],
  [{ name: 'a', limits: { rpm: 1e300 } }, 'limits.rpm'],
  [{ name: 'a', limits: { budgets: [{ usd: Number.NaN }] } }, 'limits.budgets.0.usd'],
  [{ name: 'a', scopes: ['root'] }, 'scopes.0'],
  [{ name: 'a', scopes: [] }, 'scopes'],
  [{ name: 'a', models: [] }, 'models'],
  [{ name: 'a', expires_at: 5 }, 'expires_at'],
  [{ name: 'a', hash: 'x' }, 'hash'],
  [['a'], ''],
  ['a', ''],
])('%j is refused, and names what is wrong', async (body, param) => {
  const { admin } = await open(newHome())
  await expect(admin.createKey(body, me)).rejects.toMatchObject({
    code: expect.stringMatching(/^(invalid_value|unknown_parameter)$/) as string,
    param,
  })
  expect(admin.listKeys({ revoked: true }).data).toEqual([])
})

test('names hold whatever they are given, as it was given', async () => {
  const home = newHome()
  const { store, admin } = await open(home)
  const names = [
    "'; drop table keys; --",
    '$(reboot)',
    '<img src=x onerror=alert(1)>',
    '\u001b[2J\u0007',
    '💥\u202e',
    '%00',
    '../..',
  ]
  for (const name of names) await admin.createKey({ name }, me)
  await store.close()
  const again = await open(home)
  expect(again.admin.listKeys().data.map(({ name }) => name)).toEqual(names)
  for (const name of names) expect(again.admin.showKey(name)).toMatchObject({ name })
})
