// Keys, teams and the audit as their owner manages them: real commands, with a running server and without one.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { commandEnv, question, startTestServer, temporaryFolder, until } from '../server-fixture.ts'
import { output, run, start, type Ended } from './command-fixture.ts'

type Commands = (...args: string[]) => Promise<Ended>

interface Made {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly limits: object
}

/** A server, and commands that find it by its address and the admin key. */
async function served() {
  const server = await startTestServer()
  onTestFinished(() => server.close())
  const il: Commands = (...args) => run(args, { folder: temporaryFolder(), env: commandEnv(server) })
  return { server, il }
}

async function json<T>(ended: Promise<Ended>): Promise<T> {
  const { code, stdout, stderr } = await ended
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout) as T
}

async function said(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout
}

test('a key from its making to its end: made, shown, used, changed, rotated, revoked, and all of it written down', async () => {
  const { server, il } = await served()
  const ask = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` }
    const response = await server.post('/v1/chat/completions', { model: 'loom-mini', messages: question }, headers)
    return response.status
  }
  await said(il('teams', 'create', '--name', 'research', '--budget', '100/month', '--rpm', '600'))
  const limits = ['--budget', '20/month:15', '--rpm', '60', '--tpm', '100000', '--concurrency', '4']
  const rest = ['--models', 'loom-mini,other', '--team', 'research', '--tier', 'flex', '--expires', '30d']
  const made = await said(il('keys', 'create', '--name', 'my app', ...limits, ...rest))
  const [key = ''] = made.split('\n')
  expect(key).toMatch(/^il-[\w-]{43}$/)
  expect(made).toContain('not shown again')
  expect(made).toContain('from now on requests need one')
  expect(made).toContain('server.localWithoutKey')
  expect(await ask(key)).toBe(200)
  expect(await ask(`${key}x`)).toBe(401)

  const shown = await json<Made>(il('keys', 'show', 'my app', '--json'))
  const budgets = [{ usd: 20, window: 'month', soft: 15 }]
  expect(shown).toMatchObject({
    name: 'my app',
    team: 'research',
    models: ['loom-mini', 'other'],
    tier: 'flex',
    scopes: ['inference'],
    limits: { rpm: 60, tpm: 100_000, concurrency: 4, budgets },
  })
  expect(JSON.stringify(shown)).not.toContain(key)
  const list = await said(il('keys', 'list'))
  expect(list).toMatch(/^my app +il-.{6}… +active +research +\d{4}-\d\d-\d\d +60 requests\/min/m)
  expect(list).not.toContain(key)
  expect(Math.max(...list.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)

  await said(il('keys', 'update', 'my app', '--name', 'our app', '--rpm', '120', '--tpm', 'none', '--team', 'none'))
  expect(await json(il('keys', 'show', shown.id, '--json'))).toMatchObject({
    name: 'our app',
    team: null,
    limits: { rpm: 120, concurrency: 4, budgets },
  })

  const rotated = await json<Made>(il('keys', 'rotate', 'our app', '--overlap', '1h', '--json'))
  expect(await ask(key)).toBe(200)
  expect(await ask(rotated.key)).toBe(200)
  await said(il('keys', 'rotate', 'our app'))
  expect(await ask(rotated.key)).toBe(401)

  const revoked = await said(il('keys', 'revoke', 'our app'))
  expect(revoked).toContain('opens nothing from now on')
  expect(revoked).toContain('requests of this machine need none again')
  expect(await said(il('keys', 'list'))).toContain('No keys.')
  expect(await said(il('keys', 'list', '--all'))).toMatch(/^our app +il-.{6}… +revoked/m)
  await said(il('teams', 'remove', 'research'))

  const rows = await json<{ action: string; actor: string }[]>(il('audit', '--json'))
  const actions = 'team.remove key.revoke key.rotate key.rotate key.update key.create team.create'
  expect(rows.map(({ action }) => action)).toEqual(actions.split(' '))
  expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set(['admin']))
  for (const secret of [key, rotated.key]) expect(JSON.stringify(rows)).not.toContain(secret)
  expect(await said(il('audit', '-n', '5'))).toMatch(/admin +key\.update +our app +name "my app" → "our app"/)
})

test('keys made without a server open it when it starts, and the admin key is shown at the first start only', async () => {
  const folder = temporaryFolder()
  const il: Commands = (...args) => run(args, { folder })
  const { key } = await json<Made>(il('keys', 'create', '--name', 'early', '--json'))
  expect(await json<Made[]>(il('keys', 'list', '--json'))).toMatchObject([{ name: 'early' }])
  expect(await json(il('audit', '--json'))).toMatchObject([
    { action: 'key.create', actor_id: 'cli', actor: expect.stringContaining('command line of ') as string },
  ])

  for (const isFirst of [true, false]) {
    const child = start(['serve'], { folder })
    const shown = output(child)
    await until('it is up', () => shown().includes('Ctrl-C stops'))
    const url = /listens on (\S+)/.exec(shown())?.[1] ?? ''
    const models = (given?: string) =>
      fetch(`${url}/v1/models`, given === undefined ? {} : { headers: { authorization: `Bearer ${given}` } })
    expect((await models()).status).toBe(401)
    expect((await models(key)).status).toBe(200)
    expect(shown()).toContain('Bearer <key>')
    const file = join(folder, 'home', 'admin-key')
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(shown().includes(readFileSync(file, 'utf8').trim())).toBe(isFirst)
    const env = { INFERLOOM_PORT: new URL(url).port }
    // From the same home, commands find the admin key by themselves.
    expect(await said(run(['keys', 'list'], { folder, env }))).toContain('early')
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
  }
})

test('whatever a name holds, terminals show it and do not obey it', async () => {
  const { il } = await served()
  const name = "\u001b[2J'; drop table keys; --\r\n<script>\u202e$(id)`id`"
  expect(await json<Made>(il('keys', 'create', '--name', name, '--json'))).toMatchObject({ name })
  for (const args of [
    ['keys', 'list'],
    ['keys', 'show', name],
    ['audit'],
    ['keys', 'update', name, '--rpm', '1'],
    ['keys', 'revoke', name],
  ]) {
    const shown = await said(il(...args))
    expect(shown, args.join(' ')).toContain('\\u{1b}[2J')
    // oxlint-disable-next-line no-control-regex
    expect(shown, args.join(' ')).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/)
  }
  const { code, stderr } = await il('keys', 'revoke', name)
  expect(code).toBe(1)
  expect(stderr).toContain('\\u{1b}[2J')
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test.each([
  [['keys', 'create'], /--name/],
  [['keys', 'create', '--name', ''], /name/],
  [['keys', 'create', '--name', 'a', '--rpm', 'many'], /--rpm.*'many'/],
  [['keys', 'create', '--name', 'a', '--rpm', '-1'], /--rpm/],
  [['keys', 'create', '--name', 'a', '--budget', 'lots'], /--budget 'lots'.*20\/month/],
  [['keys', 'create', '--name', 'a', '--budget', '20/fortnight'], /fortnight.*month/],
  [['keys', 'create', '--name', 'a', '--budget', '20/month:30'], /soft/],
  [['keys', 'create', '--name', 'a', '--tier', 'gold'], /tier.*priority/],
  [['keys', 'create', '--name', 'a', '--scope', 'root'], /scopes.*admin:read/],
  [['keys', 'create', '--name', 'a', '--expires', 'soon'], /'soon'.*30d/],
  [['keys', 'create', '--name', 'a', '--expires', '2001-01-01'], /later than now/],
  [['keys', 'create', '--name', 'a', '--team', 'none-such'], /no team 'none-such'.*teams create/],
  [['keys', 'update', 'none-such', '--rpm', '1'], /no key 'none-such'.*keys list/],
  [['keys', 'rotate', 'none-such', '--overlap', '90d'], /no key|overlap/],
  [['keys', 'revoke', '../../admin/audit'], /no key/],
  [['teams', 'remove', 'none-such'], /no team/],
  [['audit', '-n', '0'], /limit/],
])('%j is refused with its reason, and makes nothing', async (args, expected) => {
  const folder = temporaryFolder()
  const { code, stdout, stderr } = await run(args, { folder })
  expect(stderr).toMatch(expected)
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(code).toBe(1)
  expect(stdout).toBe('')
})

test('a command whose home has another admin key is told so', async () => {
  const { server } = await served()
  const env = { ...commandEnv(server), INFERLOOM_ADMIN_KEY: 'il-admin-of-another-home' }
  const { code, stderr } = await run(['keys', 'list'], { folder: temporaryFolder(), env })
  expect(code).toBe(1)
  expect(stderr).toContain('invalid_api_key')
})
