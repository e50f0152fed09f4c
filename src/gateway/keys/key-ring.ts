import { hash as digest, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { KeyRow, TeamRow } from '../../storage/tables.ts'
import type { Caller, Scope } from '../caller.ts'
import type { KeyLimits } from '../limits/key-limits.ts'
import { tokenHash } from './key-token.ts'

interface HeldTeam {
  readonly row: TeamRow
  readonly limits: KeyLimits
  readonly models: readonly string[] | undefined
}

interface HeldKey {
  readonly row: KeyRow
  readonly limits: KeyLimits
  readonly caller: Caller
}

/** What was found under a key that was sent. */
export type Found =
  | { readonly state: 'active'; readonly caller: Caller }
  | { readonly state: 'expired' | 'revoked' | 'replaced'; readonly name: string; readonly at: number }

/** Keys whose hashes are remembered. */
const mostLately = 10_000

/** Every key and team, in memory: no request waits for the database to learn who sends it. */
export class KeyRing {
  readonly #secret: KeyObject
  readonly #keys = new Map<string, HeldKey>()
  readonly #teams = new Map<string, HeldTeam>()
  /** Ids of keys by their hashes, the former ones of rotated keys included. */
  readonly #byHash = new Map<string, string>()
  /** The hashes of keys that came lately, by a digest that takes a tenth of the time: it never leaves the process. */
  readonly #lately = new Map<string, string>()
  /** How many were not revoked. */
  #kept = 0

  constructor(secret: KeyObject, { keys, teams }: { keys: readonly KeyRow[]; teams: readonly TeamRow[] }) {
    this.#secret = secret
    for (const row of teams) this.putTeam(row)
    for (const row of keys) this.putKey(row)
  }

  /** Whether there is a key that was not revoked. One that has expired counts: time must not open anything. */
  get isUsed(): boolean {
    return this.#kept > 0
  }

  find(token: string): Found | undefined {
    const seen = digest('sha256', token, 'base64url')
    const known = this.#lately.get(seen)
    const hash = known ?? tokenHash(this.#secret, token)
    const id = this.#byHash.get(hash)
    const held = id === undefined ? undefined : this.#keys.get(id)
    if (!held) return undefined
    // Only of keys that there are: whoever tries some does not push out others'.
    if (known === undefined) this.#remember(seen, hash)
    const { row, caller } = held
    const now = Date.now()
    const isCurrent = isEqual(row.hash, hash)
    if (!isCurrent && !(row.former_hash !== null && isEqual(row.former_hash, hash))) return undefined
    const state = stateOf(row, now)
    if (state === 'revoked') return { state, name: row.name, at: row.revoked_at ?? now }
    if (state === 'expired') return { state, name: row.name, at: row.expires_at ?? now }
    const until = row.former_until ?? 0
    return isCurrent || until > now ? { state, caller } : { state: 'replaced', name: row.name, at: until }
  }

  /** The same objects as long as nothing was changed. */
  limitsOf({ keyId, teamId }: Caller): { key?: KeyLimits | undefined; team?: KeyLimits | undefined } {
    return {
      key: this.#keys.get(keyId)?.limits,
      team: teamId === undefined ? undefined : this.#teams.get(teamId)?.limits,
    }
  }

  keys(): readonly KeyRow[] {
    return [...this.#keys.values()].map(({ row }) => row)
  }

  /** By id. */
  key(id: string): KeyRow | undefined {
    return this.#keys.get(id)?.row
  }

  /** By id. */
  team(id: string): TeamRow | undefined {
    return this.#teams.get(id)?.row
  }

  teams(): readonly TeamRow[] {
    return [...this.#teams.values()].map(({ row }) => row)
  }

  /** Adds a key, or changes the one of its id. */
  putKey(row: KeyRow): void {
    this.#forget(row.id)
    this.#keys.set(row.id, { row, limits: JSON.parse(row.limits) as KeyLimits, caller: this.#callerOf(row) })
    this.#byHash.set(row.hash, row.id)
    if (row.former_hash !== null) this.#byHash.set(row.former_hash, row.id)
    if (row.revoked_at === null) this.#kept++
  }

  removeKey(id: string): void {
    this.#forget(id)
    this.#keys.delete(id)
  }

  putTeam(row: TeamRow): void {
    const models = listIn(row.models)
    this.#teams.set(row.id, { row, limits: JSON.parse(row.limits) as KeyLimits, models })
    this.#refreshMembers(row.id)
  }

  removeTeam(id: string): void {
    this.#teams.delete(id)
    this.#refreshMembers(id)
  }

  #remember(seen: string, hash: string): void {
    if (this.#lately.size >= mostLately) this.#lately.clear()
    this.#lately.set(seen, hash)
  }

  #refreshMembers(teamId: string): void {
    for (const { row } of this.#keys.values()) if (row.team_id === teamId) this.putKey(row)
  }

  #forget(id: string): void {
    const former = this.#keys.get(id)?.row
    if (!former) return
    if (former.revoked_at === null) this.#kept--
    this.#byHash.delete(former.hash)
    if (former.former_hash !== null) this.#byHash.delete(former.former_hash)
  }

  #callerOf({ id, name, team_id: teamId, scopes, models, tier }: KeyRow): Caller {
    const lists = [listIn(models), teamId === null ? undefined : this.#teams.get(teamId)?.models]
    const given = lists.filter((list) => list !== undefined)
    return {
      keyId: id,
      name,
      scopes: new Set(scopes.split(',') as Scope[]),
      ...(teamId !== null && { teamId }),
      ...(tier !== null && { tier: tier as NonNullable<Caller['tier']> }),
      // Of both its own list and its team's, where both have one.
      ...(given.length > 0 && { models: given.map((list) => new Set(list)).reduce((a, b) => a.intersection(b)) }),
    }
  }
}

export function stateOf(row: KeyRow, now: number): 'active' | 'expired' | 'revoked' {
  if (row.revoked_at !== null) return 'revoked'
  return row.expires_at !== null && row.expires_at <= now ? 'expired' : 'active'
}

export function listIn(text: string | null): readonly string[] | undefined {
  return text === null ? undefined : (JSON.parse(text) as string[])
}

/** Both are hashes, and so of one length. */
function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
