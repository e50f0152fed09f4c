import { randomBytes, type KeyObject } from 'node:crypto'
import { InferloomError } from '../../canonical/errors.ts'
import type { KeyRows } from '../../storage/key-rows.ts'
import type { AuditRow, KeyRow, TeamRow } from '../../storage/tables.ts'
import type { Caller } from '../caller.ts'
import { changedLimits, keyChange, newKey, newTeam, readInput, rotation, teamChange } from './key-input.ts'
import type { KeyRing } from './key-ring.ts'
import { newToken, shownPrefix, tokenHash } from './key-token.ts'
import { auditView, keyView, teamView, type AuditView, type KeyView, type TeamView } from './key-views.ts'

/** A key with its secret, which is shown this once. */
export interface MadeKey extends KeyView {
  readonly key: string
}

/** Who asks for a change. */
export type Actor = Pick<Caller, 'keyId' | 'name'>

/** Keys that are kept, revoked ones included; for one more, that which was revoked longest ago is forgotten. */
const mostKeys = 100_000
const mostTeams = 10_000
const mostListed = 10_000

/** Makes and changes keys and teams, one change after another, and writes down who made which. */
export class KeyAdmin {
  readonly #ring: KeyRing
  readonly #rows: KeyRows
  readonly #secret: KeyObject
  readonly #mostKeys: number
  #last: Promise<unknown> = Promise.resolve()

  constructor(ring: KeyRing, rows: KeyRows, secret: KeyObject, most = mostKeys) {
    this.#ring = ring
    this.#rows = rows
    this.#secret = secret
    this.#mostKeys = most
  }

  /** Oldest first, and whether there are more. */
  listKeys({ revoked = false } = {}): { data: KeyView[]; more: boolean } {
    const rows = this.#ring.keys().filter((row) => revoked || isKept(row))
    return { data: rows.slice(0, mostListed).map((row) => this.#view(row)), more: rows.length > mostListed }
  }

  showKey(reference: string): KeyView {
    return this.#view(this.#key(reference))
  }

  createKey(body: unknown, actor: Actor): Promise<MadeKey> {
    return this.#inTurn(async () => {
      const { name, team, scopes, models, limits, tier, expires_at: expiresAt } = readInput(newKey, body)
      this.#refuseTaken(name)
      if (this.#ring.keys().length >= this.#mostKeys) await this.#forgetOne(actor)
      const token = newToken()
      const row: KeyRow = {
        id: newId('key'),
        hash: tokenHash(this.#secret, token),
        prefix: shownPrefix(token),
        name,
        team_id: team ? this.#team(team).id : null,
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
      return { ...(await this.#keepKey(row, actor, 'key.create')), key: token }
    })
  }

  updateKey(reference: string, body: unknown, actor: Actor): Promise<KeyView> {
    return this.#inTurn(async () => {
      const row = this.#key(reference)
      const { name, team, scopes, models, limits, tier, expires_at: expiresAt } = readInput(keyChange, body)
      if (name !== undefined && name !== row.name) this.#refuseTaken(name)
      const changed = {
        ...row,
        ...(name !== undefined && { name }),
        ...(team !== undefined && { team_id: team === null ? null : this.#team(team).id }),
        ...(scopes && { scopes: listed(scopes) }),
        ...(models !== undefined && { models: jsonOrNull(models) }),
        ...(limits && { limits: changedLimits(row.limits, limits) }),
        ...(tier !== undefined && { tier }),
        ...(expiresAt !== undefined && { expires_at: expiresAt }),
      }
      return await this.#keepKey(changed, actor, 'key.update')
    })
  }

  /** It opens nothing from now on. What it is being answered goes on to its end. */
  revokeKey(reference: string, actor: Actor): Promise<KeyView> {
    return this.#inTurn(
      async () => await this.#keepKey({ ...this.#key(reference), revoked_at: Date.now() }, actor, 'key.revoke'),
    )
  }

  /**
   * A new key in the place of one, with all that it was; the former one opens for as long as is asked for, and the one
   * before that no more.
   */
  rotateKey(reference: string, body: unknown, actor: Actor): Promise<MadeKey> {
    return this.#inTurn(async () => {
      const row = this.#key(reference)
      const { overlap_seconds: overlap, expires_at: expiresAt } = readInput(rotation, body)
      const token = newToken()
      const changed = {
        ...row,
        hash: tokenHash(this.#secret, token),
        prefix: shownPrefix(token),
        former_hash: row.hash,
        former_until: Date.now() + overlap * 1000,
        ...(expiresAt !== undefined && { expires_at: expiresAt }),
      }
      return { ...(await this.#keepKey(changed, actor, 'key.rotate')), key: token }
    })
  }

  listTeams(): TeamView[] {
    const members = Map.groupBy(this.#ring.keys().filter(isKept), (key) => key.team_id)
    return this.#ring.teams().map((row) => teamView(row, members.get(row.id)?.length ?? 0))
  }

  createTeam(body: unknown, actor: Actor): Promise<TeamView> {
    return this.#inTurn(async () => {
      const { name, models, limits } = readInput(newTeam, body)
      this.#refuseTakenTeam(name)
      if (this.#ring.teams().length >= mostTeams) {
        throw new InferloomError('invalid_value', `There are ${mostTeams} teams. Remedy: remove some.`)
      }
      const text = JSON.stringify(limits ?? {})
      const row: TeamRow = { id: newId('team'), name, models: jsonOrNull(models), limits: text, created_at: Date.now() }
      return await this.#keepTeam(row, actor, 'team.create')
    })
  }

  updateTeam(reference: string, body: unknown, actor: Actor): Promise<TeamView> {
    return this.#inTurn(async () => {
      const row = this.#team(reference)
      const { name, models, limits } = readInput(teamChange, body)
      if (name !== undefined && name !== row.name) this.#refuseTakenTeam(name)
      const changed = {
        ...row,
        ...(name !== undefined && { name }),
        ...(models !== undefined && { models: jsonOrNull(models) }),
        ...(limits && { limits: changedLimits(row.limits, limits) }),
      }
      return await this.#keepTeam(changed, actor, 'team.update')
    })
  }

  removeTeam(reference: string, actor: Actor): Promise<TeamView> {
    return this.#inTurn(async () => {
      const row = this.#team(reference)
      const view = this.#teamView(row)
      if (view.keys > 0) {
        const message = `Team '${row.name}' has ${view.keys} keys. Remedy: revoke them, or move them to another team.`
        throw new InferloomError('invalid_value', message, { param: 'team' })
      }
      await this.#rows.deleteTeam(row.id, auditRow(row, actor, { action: 'team.remove', before: view, after: null }))
      this.#ring.removeTeam(row.id)
      return view
    })
  }

  async latestAudit(limit: number): Promise<AuditView[]> {
    return (await this.#rows.latestAudit(limit)).map(auditView)
  }

  /** Two changes at once must not both start from what was before the first. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #keepKey(row: KeyRow, actor: Actor, action: string): Promise<KeyView> {
    const former = this.#ring.key(row.id)
    const before = former ? this.#view(former) : null
    const after = this.#view(row)
    await this.#rows.keepKey(row, auditRow(row, actor, { action, before, after }))
    this.#ring.putKey(row)
    return after
  }

  /** Whoever sends it is then told that it is not known, and no longer when it was revoked. */
  async #forgetOne(actor: Actor): Promise<void> {
    let oldest: KeyRow | undefined
    for (const row of this.#ring.keys()) {
      if (row.revoked_at !== null && row.revoked_at < (oldest?.revoked_at ?? Infinity)) oldest = row
    }
    if (!oldest) throw new InferloomError('invalid_value', `There are ${this.#mostKeys} keys. Remedy: revoke some.`)
    const audit = auditRow(oldest, actor, { action: 'key.forget', before: this.#view(oldest), after: null })
    await this.#rows.deleteKey(oldest.id, audit)
    this.#ring.removeKey(oldest.id)
  }

  async #keepTeam(row: TeamRow, actor: Actor, action: string): Promise<TeamView> {
    const former = this.#ring.team(row.id)
    const before = former ? this.#teamView(former) : null
    const after = this.#teamView(row)
    await this.#rows.keepTeam(row, auditRow(row, actor, { action, before, after }))
    this.#ring.putTeam(row)
    return after
  }

  #view(row: KeyRow): KeyView {
    return keyView(row, (id) => this.#ring.team(id)?.name)
  }

  #teamView(row: TeamRow): TeamView {
    return teamView(row, this.#ring.keys().filter((key) => key.team_id === row.id && isKept(key)).length)
  }

  /** By id, or by the name of one that was not revoked. */
  #key(reference: string): KeyRow {
    const keys = this.#ring.keys().filter(isKept)
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
    if (!this.#ring.keys().some((row) => row.name === name && isKept(row))) return
    const message = `There is a key named '${name}'. Remedy: choose another name, or rotate or revoke that one.`
    throw new InferloomError('invalid_value', message, { param: 'name' })
  }

  #refuseTakenTeam(name: string): void {
    if (!this.#ring.teams().some((row) => row.name === name)) return
    throw new InferloomError('invalid_value', `There is a team named '${name}'.`, { param: 'name' })
  }
}

function auditRow(
  { id: target, name }: KeyRow | TeamRow,
  { keyId, name: actor }: Actor,
  { action, before, after }: { action: string; before: object | null; after: object | null },
): AuditRow {
  const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
  return { at: Date.now(), actor_id: keyId, actor, action, target, name, before: text(before), after: text(after) }
}

function isKept({ revoked_at: revokedAt }: KeyRow): boolean {
  return revokedAt === null
}

function newId(kind: 'key' | 'team'): string {
  return `${kind}_${randomBytes(8).toString('hex')}`
}

function listed(scopes: readonly string[]): string {
  return [...new Set(scopes)].join(',')
}

function jsonOrNull(value: readonly string[] | null | undefined): string | null {
  return value ? JSON.stringify(value) : null
}
