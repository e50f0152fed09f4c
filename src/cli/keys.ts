import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { AuditView, KeyView, MadeKey, TeamView } from '../server/key-fields.ts'
import { limitsIn, momentIn, shownLimits, type LimitFlags } from './key-flags.ts'
import { openKeyDesk } from './key-desk.ts'
import { plain, table } from './format.ts'

export interface KeyFlags extends LimitFlags {
  readonly name?: string
  readonly team?: string
  readonly models?: string
  readonly tier?: string
  readonly expires?: string
  readonly scope?: string
  readonly overlap?: string
  readonly json?: boolean
}

interface KeyList {
  readonly data: readonly KeyView[]
  readonly more: boolean
}

/** The fields of the admin API that flags stand for; `none` takes something away again. */
function fieldsOf({ name, team, models, tier, expires, scope, ...flags }: KeyFlags): Record<string, unknown> {
  const limits = limitsIn(flags)
  const orNull = (text: string) => (text === 'none' ? null : text)
  return {
    ...(name !== undefined && { name }),
    ...(team !== undefined && { team: orNull(team) }),
    ...(models !== undefined && { models: models === 'none' ? null : listIn(models) }),
    ...(tier !== undefined && { tier: orNull(tier) }),
    ...(scope !== undefined && { scopes: listIn(scope) }),
    ...(expires !== undefined && { expires_at: expires === 'none' ? null : momentIn(expires) }),
    ...(limits && { limits }),
  }
}

export async function createKey(loaded: LoadedConfig, flags: KeyFlags): Promise<void> {
  const made = await openKeyDesk(loaded, async (desk) => {
    const others = await desk.get<KeyList>('keys')
    return { key: await desk.post<MadeKey>('keys', fieldsOf(flags)), isFirst: others.data.length === 0 }
  })
  showMade(made.key, flags.json)
  if (!made.isFirst || flags.json || !keysDecide(loaded)) return
  process.stdout.write(
    '\nIt is the first key: from now on requests need one, from this machine too.\n' +
      'With server.localWithoutKey: true in inferloom.yaml those of this machine need none.\n',
  )
}

/** Whether it depends on the keys that were made if requests of this machine need one. */
function keysDecide({ config: { server } }: LoadedConfig): boolean {
  return server.keys.length === 0 && server.localWithoutKey === undefined
}

export async function listKeys(loaded: LoadedConfig, flags: { all?: boolean; json?: boolean }): Promise<void> {
  const path = flags.all ? 'keys?revoked=true' : 'keys'
  const { data, more } = await openKeyDesk(loaded, (desk) => desk.get<KeyList>(path))
  const { json } = flags
  if (json) return print(data)
  if (data.length === 0) return void process.stdout.write('No keys. Make one: inferloom keys create --name <name>\n')
  const teams = data.some(({ team }) => team !== null)
  const scopes = data.some((key) => key.scopes.join() !== 'inference')
  const rows = data.map((key) => [
    key.name.slice(0, 20),
    `${key.prefix}…`,
    key.state,
    ...(teams ? [(key.team ?? '–').slice(0, 12)] : []),
    ...(scopes ? [key.scopes.join(',')] : []),
    key.expires_at === null ? '–' : new Date(key.expires_at).toISOString().slice(0, 10),
    shownLimits(key.limits).slice(0, roomBeside(70)),
  ])
  const head = ['name', 'key', 'state', ...(teams ? ['team'] : []), ...(scopes ? ['scopes'] : []), 'expires', 'limits']
  process.stdout.write(table(head, rows))
  if (more) process.stdout.write('\nThere are more than these.\n')
}

/** All that is known of a key. */
export async function showKey(loaded: LoadedConfig, reference: string, json: boolean): Promise<void> {
  const key = await openKeyDesk(loaded, (desk) => desk.get<KeyView>(`keys/${encodeURIComponent(reference)}`))
  if (json) return print(key)
  const moment = (at: number | null) => (at === null ? '–' : new Date(at).toISOString())
  const rows = [
    ['id', key.id],
    ['name', key.name],
    ['key', `${key.prefix}…`],
    ['state', key.state],
    ['team', key.team ?? '–'],
    ['scopes', key.scopes.join(', ')],
    ['models', key.models?.join(', ') ?? 'all'],
    ['limits', shownLimits(key.limits)],
    ['tier', key.tier ?? '–'],
    ['made', moment(key.created_at)],
    ['expires', moment(key.expires_at)],
  ]
  process.stdout.write(table(['', ''], rows).trimStart())
}

export async function updateKey(loaded: LoadedConfig, reference: string, flags: KeyFlags): Promise<void> {
  const key = await openKeyDesk(loaded, (desk) =>
    desk.post<KeyView>(`keys/${encodeURIComponent(reference)}`, fieldsOf(flags)),
  )
  if (flags.json) return print(key)
  process.stdout.write(`${plain(key.name)} is changed: ${shownLimits(key.limits)}\n`)
}

export async function revokeKey(loaded: LoadedConfig, reference: string, json: boolean): Promise<void> {
  const path = `keys/${encodeURIComponent(reference)}/revoke`
  const { key, isLast } = await openKeyDesk(loaded, async (desk) => {
    const key = await desk.post<KeyView>(path, {})
    return { key, isLast: (await desk.get<KeyList>('keys')).data.length === 0 }
  })
  if (json) return print(key)
  process.stdout.write(`${plain(key.name)} opens nothing from now on. What it is being answered goes on to its end.\n`)
  if (!isLast || !keysDecide(loaded)) return
  process.stdout.write('No key is left: requests of this machine need none again.\n')
}

export async function rotateKey(loaded: LoadedConfig, reference: string, flags: KeyFlags): Promise<void> {
  const { overlap } = flags
  const seconds = overlap === undefined ? 0 : Math.round((momentIn(overlap) - Date.now()) / 1000)
  const path = `keys/${encodeURIComponent(reference)}/rotate`
  const key = await openKeyDesk(loaded, (desk) => desk.post<MadeKey>(path, { overlap_seconds: seconds }))
  showMade(key, flags.json)
  if (!flags.json && seconds > 0) process.stdout.write(`The former one still opens for ${overlap}.\n`)
}

export async function createTeam(loaded: LoadedConfig, flags: KeyFlags): Promise<void> {
  const team = await openKeyDesk(loaded, (desk) => desk.post<TeamView>('teams', fieldsOf(flags)))
  if (flags.json) return print(team)
  process.stdout.write(`Team ${plain(team.name)} is there: ${shownLimits(team.limits)}\n`)
}

export async function listTeams(loaded: LoadedConfig, json: boolean): Promise<void> {
  const { data } = await openKeyDesk(loaded, (desk) => desk.get<{ data: TeamView[] }>('teams'))
  if (json) return print(data)
  if (data.length === 0) return void process.stdout.write('No teams. Make one: inferloom teams create --name <name>\n')
  const rows = data.map(({ name, keys, models, limits }) => {
    return [
      name.slice(0, 24),
      keys,
      (models?.join(',') ?? 'all').slice(0, 24),
      shownLimits(limits).slice(0, roomBeside(60)),
    ]
  })
  process.stdout.write(table(['name', 'keys', 'models', 'limits'], rows))
}

export async function updateTeam(loaded: LoadedConfig, reference: string, flags: KeyFlags): Promise<void> {
  const path = `teams/${encodeURIComponent(reference)}`
  const team = await openKeyDesk(loaded, (desk) => desk.post<TeamView>(path, fieldsOf(flags)))
  if (flags.json) return print(team)
  process.stdout.write(`Team ${plain(team.name)} is changed: ${shownLimits(team.limits)}\n`)
}

export async function removeTeam(loaded: LoadedConfig, reference: string, json: boolean): Promise<void> {
  const path = `teams/${encodeURIComponent(reference)}/remove`
  const team = await openKeyDesk(loaded, (desk) => desk.post<TeamView>(path, {}))
  if (json) return print(team)
  process.stdout.write(`Team ${plain(team.name)} is gone.\n`)
}

/** What was done to keys and teams, latest first. */
export async function audit(loaded: LoadedConfig, limit: string, json: boolean): Promise<void> {
  if (!/^([1-9]\d{0,2}|1000)$/.test(limit)) {
    throw new InferloomError('invalid_value', '--limit must be a whole number from 1 to 1000.')
  }
  const { data } = await openKeyDesk(loaded, (desk) => desk.get<{ data: AuditView[] }>(`audit?limit=${limit}`))
  if (json) return print(data)
  const rows = data.map(({ at, actor, action, name, before, after }) => [
    new Date(at).toISOString().slice(0, 19).replace('T', ' '),
    actor.slice(0, 20),
    action,
    name.slice(0, 20),
    changes(before, after).slice(0, roomBeside(76)),
  ])
  process.stdout.write(table(['time (UTC)', 'who', 'what', 'to', 'changed'], rows))
}

/** `limits {"rpm":1} → {"rpm":2}` */
function changes(before: unknown, after: unknown): string {
  if (typeof before !== 'object' || typeof after !== 'object' || !before || !after) return ''
  const [from, to] = [before as Record<string, unknown>, after as Record<string, unknown>]
  return Object.keys(to)
    .filter((name) => JSON.stringify(from[name]) !== JSON.stringify(to[name]))
    .map((name) => `${name} ${JSON.stringify(from[name])} → ${JSON.stringify(to[name])}`)
    .join(', ')
}

function showMade(made: MadeKey, json = false): void {
  if (json) return print(made)
  process.stdout.write(
    `${made.key}\n\nKey of ${plain(made.name)}: keep it now, it is not shown again. ${shownLimits(made.limits)}\n`,
  )
}

/** Characters for a column, beside others of so many, in a terminal as wide as this one. */
function roomBeside(others: number): number {
  return Math.max(20, (process.stdout.columns ?? 120) - others)
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
