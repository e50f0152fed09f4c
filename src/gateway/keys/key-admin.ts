import { randomBytes } from 'node:crypto'
import { InferloomError } from '../../canonical/errors.ts'
import type { KeyRows } from '../../storage/key-rows.ts'
import type { KeyRow, TeamRow } from '../../storage/tables.ts'
import { keyChange, newKey, newTeam, readInput, rotation, teamChange } from './key-input.ts'
import { stateOf, type KeyRing } from './key-ring.ts'
import { newToken, shownPrefix, tokenHash } from './key-token.ts'
import { auditView, keyView, teamView, type AuditView, type KeyView, type TeamView } from './key-views.ts'

/** A key with its secret, which is shown this once. */
export interface MadeKey extends KeyView {
  readonly key: string
}

/** Keys that are kept, used or not: their rows in the ledger stay readable, and names stay taken while they open. */
const mostKeys = 100_000
const mostTeams = 10_000

/** Makes and changes keys and teams, and writes down who did what. `actor` is the name of whoever asks. */
export class KeyAdmin {
  readonly #ring: KeyRing
  readonly #rows: KeyRows
  readonly #secret: Uint8Array

  constructor(ring: KeyRing, rows: KeyRows, secret: Uint8Array) {
    this.#ring = ring
    this.#rows = rows
    this.#secret = secret
  }

  listKeys(): KeyView[] {
    return this.#ring.keys().map((row) => this.#view(row))
  }

  async createKey(body: unknown, actor: string): Promise<MadeKey> {
    const { name, team, scopes, models, limits, tier, expires_at: expiresAt } = readInput(newKey, body)
    this.#refuseTaken(name)
    if (this.#ring.keys().length >= mostKeys) throw new InferloomError('invalid_value', `There are ${mostKeys} keys.`)
    const token = newToken()
    const row: KeyRow = {
      id: newId('key'),
      hash: tokenHash(this.#secret, token),
      prefix: shownPrefix(token),
      name,
      team_id: team == null ? null : this.#team(team).id,
      scopes: listed(scopes ?? ['inference']),
      models: jsonOrNull(models),
      limits: JSON.stringify(limits ?? {}),
      tier: tier ?? null,
      created_at: Date.now(),
      expires_at: expiresAt ?? null,
      revoked_at: null,
      former_hash: null,
      former_until: null,
    }
    await this.#rows.insertKey(row)
    this.#ring.putKey(row)
    await this.#write(actor, 'key.create', row, null, this.#view(row))
    return { ...this.#view(row), key: token }
  }

  async updateKey(reference: string, body: unknown, actor: string): Promise<KeyView> {
    const row = this.#key(reference)
    const { name, team, scopes, models, limits, tier, expires_at: expiresAt } = readInput(keyChange, body)
    if (name !== undefined && name !== row.name) this.#refuseTaken(name)
    return await this.#changeKey(row, actor, 'key.update', {
      ...(name !== undefined && { name }),
      ...(team !== undefined && { team_id: team === null ? null : this.#team(team).id }),
      ...(scopes && { scopes: listed(scopes) }),
      ...(models !== undefined && { models: jsonOrNull(models) }),
      ...(limits && { limits: JSON.stringify(limits) }),
      ...(tier !== undefined && { tier }),
      ...(expiresAt !== undefined && { expires_at: expiresAt }),
    })
  }

  /** It opens nothing from now on. What it is being answered goes on to its end. */
  async revokeKey(reference: string, actor: string): Promise<KeyView> {
    return await this.#changeKey(this.#key(reference), actor, 'key.revoke', { revoked_at: Date.now() })
  }

  /** A new key in the place of one, with all that it was; the former one opens for as long as is asked for. */
  async rotateKey(reference: string, body: unknown, actor: string): Promise<MadeKey> {
    const row = this.#key(reference)
    const { overlap_seconds: overlap } = readInput(rotation, body)
    const token = newToken()
    const view = await this.#changeKey(row, actor, 'key.rotate', {
      hash: tokenHash(this.#secret, token),
      prefix: shownPrefix(token),
      former_hash: row.hash,
      former_until: Date.now() + overlap * 1000,
    })
    return { ...view, key: token }
  }

  listTeams(): TeamView[] {
    return this.#ring.teams().map((row) => this.#teamView(row))
  }

  async createTeam(body: unknown, actor: string): Promise<TeamView> {
    const { name, models, limits } = readInput(newTeam, body)
    this.#refuseTakenTeam(name)
    if (this.#ring.teams().length >= mostTeams) {
      throw new InferloomError('invalid_value', `There are ${mostTeams} teams.`)
    }
    const text = JSON.stringify(limits ?? {})
    const row: TeamRow = { id: newId('team'), name, models: jsonOrNull(models), limits: text, created_at: Date.now() }
    await this.#rows.insertTeam(row)
    this.#ring.putTeam(row)
    await this.#write(actor, 'team.create', row, null, this.#teamView(row))
    return this.#teamView(row)
  }

  async updateTeam(reference: string, body: unknown, actor: string): Promise<TeamView> {
    const row = this.#team(reference)
    const { name, models, limits } = readInput(teamChange, body)
    if (name !== undefined && name !== row.name) this.#refuseTakenTeam(name)
    const before = this.#teamView(row)
    const changed: TeamRow = {
      ...row,
      ...(name !== undefined && { name }),
      ...(models !== undefined && { models: jsonOrNull(models) }),
      ...(limits && { limits: JSON.stringify(limits) }),
    }
    await this.#rows.updateTeam(changed)
    this.#ring.putTeam(changed)
    await this.#write(actor, 'team.update', changed, before, this.#teamView(changed))
    return this.#teamView(changed)
  }

  async removeTeam(reference: string, actor: string): Promise<TeamView> {
    const row = this.#team(reference)
    const view = this.#teamView(row)
    if (view.keys > 0) {
      const message = `Team '${row.name}' has ${view.keys} keys. Remedy: revoke them, or move them to another team.`
      throw new InferloomError('invalid_value', message, { param: 'team' })
    }
    await this.#rows.deleteTeam(row.id)
    this.#ring.removeTeam(row.id)
    await this.#write(actor, 'team.remove', row, view, null)
    return view
  }

  async latestAudit(limit: number): Promise<AuditView[]> {
    return (await this.#rows.latestAudit(limit)).map(auditView)
  }

  async #changeKey(row: KeyRow, actor: string, action: string, change: Partial<KeyRow>): Promise<KeyView> {
    const before = this.#view(row)
    const changed = { ...row, ...change }
    await this.#rows.updateKey(changed)
    this.#ring.putKey(changed)
    await this.#write(actor, action, changed, before, this.#view(changed))
    return this.#view(changed)
  }

  async #write(
    actor: string,
    action: string,
    { id: target, name }: KeyRow | TeamRow,
    before: object | null,
    after: object | null,
  ): Promise<void> {
    const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
    await this.#rows.audit({ at: Date.now(), actor, action, target, name, before: text(before), after: text(after) })
  }

  #view(row: KeyRow): KeyView {
    return keyView(row, (id) => this.#ring.teams().find((team) => team.id === id)?.name)
  }

  #teamView(row: TeamRow): TeamView {
    const members = this.#ring.keys().filter((key) => key.team_id === row.id && key.revoked_at === null)
    return teamView(row, members.length)
  }

  /** By id, or by the name of one that was not revoked. */
  #key(reference: string): KeyRow {
    const keys = this.#ring.keys().filter((row) => row.revoked_at === null)
    const row = keys.find(({ id }) => id === reference) ?? keys.find(({ name }) => name === reference)
    if (row) return row
    const message = `There is no key '${reference.slice(0, 100)}' that opens. Remedy: take an id or a name from inferloom keys list.`
    throw new InferloomError('key_not_found', message)
  }

  #team(reference: string): TeamRow {
    const teams = this.#ring.teams()
    const row = teams.find(({ id }) => id === reference) ?? teams.find(({ name }) => name === reference)
    if (row) return row
    const message = `There is no team '${reference.slice(0, 100)}'. Remedy: make it with inferloom teams create.`
    throw new InferloomError('key_not_found', message, { param: 'team' })
  }

  #refuseTaken(name: string): void {
    if (!this.#ring.keys().some((row) => row.name === name && stateOf(row, Date.now()) !== 'revoked')) return
    const message = `There is a key named '${name}'. Remedy: choose another name, or rotate or revoke that one.`
    throw new InferloomError('invalid_value', message, { param: 'name' })
  }

  #refuseTakenTeam(name: string): void {
    if (!this.#ring.teams().some((row) => row.name === name)) return
    throw new InferloomError('invalid_value', `There is a team named '${name}'.`, { param: 'name' })
  }
}

function newId(kind: 'key' | 'team'): string {
  return `${kind}_${randomBytes(8).toString('hex')}`
}

function listed(scopes: readonly string[]): string {
  return [...new Set(scopes)].join(',')
}

function jsonOrNull(value: readonly string[] | null | undefined): string | null {
  return value == null ? null : JSON.stringify(value)
}
