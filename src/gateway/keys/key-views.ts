import type { AuditRow, KeyRow, TeamRow } from '../../storage/tables.ts'
import type { Scope } from '../caller.ts'
import type { KeyLimits } from '../limits/key-limits.ts'
import { listIn, stateOf } from './key-ring.ts'

/** A key as its owner sees it. Times are milliseconds since 1970. */
export interface KeyView {
  readonly id: string
  readonly name: string
  /** The first characters of it. */
  readonly prefix: string
  readonly state: 'active' | 'expired' | 'revoked'
  /** By name. */
  readonly team: string | null
  readonly scopes: readonly Scope[]
  readonly models: readonly string[] | null
  readonly limits: KeyLimits
  readonly tier: string | null
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
}

export interface TeamView {
  readonly id: string
  readonly name: string
  readonly models: readonly string[] | null
  readonly limits: KeyLimits
  readonly keys: number
  readonly created_at: number
}

export interface AuditView {
  readonly at: number
  readonly actor_id: string
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly name: string
  readonly before: unknown
  readonly after: unknown
}

export function keyView(row: KeyRow, teamName: (id: string) => string | undefined): KeyView {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    state: stateOf(row, Date.now()),
    team: row.team_id === null ? null : (teamName(row.team_id) ?? row.team_id),
    scopes: row.scopes.split(',') as Scope[],
    models: listIn(row.models) ?? null,
    limits: JSON.parse(row.limits) as KeyLimits,
    tier: row.tier,
    created_at: row.created_at,
    expires_at: row.expires_at,
    revoked_at: row.revoked_at,
  }
}

export function teamView({ id, name, models, limits, created_at }: TeamRow, keys: number): TeamView {
  return { id, name, models: listIn(models) ?? null, limits: JSON.parse(limits) as KeyLimits, keys, created_at }
}

export function auditView({ before, after, ...row }: AuditRow): AuditView {
  const read = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
  return { ...row, before: read(before), after: read(after) }
}
