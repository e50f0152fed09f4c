import type { Kysely } from 'kysely'
import type { AuditRow, KeyRow, Tables, TeamRow } from './tables.ts'

/** Keys, teams, and what was done to them. */
export interface KeyRows {
  all(): Promise<{ keys: KeyRow[]; teams: TeamRow[] }>
  insertKey(row: KeyRow): Promise<void>
  updateKey(row: KeyRow): Promise<void>
  insertTeam(row: TeamRow): Promise<void>
  updateTeam(row: TeamRow): Promise<void>
  deleteTeam(id: string): Promise<void>
  audit(row: AuditRow): Promise<void>
  /** Latest first. */
  latestAudit(limit: number): Promise<AuditRow[]>
}

export function keyRows(db: Kysely<Tables>): KeyRows {
  const auditColumns = ['at', 'actor', 'action', 'target', 'name', 'before', 'after'] as const
  return {
    async all() {
      const keys = db.selectFrom('keys').selectAll().orderBy('created_at').execute()
      const teams = db.selectFrom('teams').selectAll().orderBy('created_at').execute()
      return { keys: await keys, teams: await teams }
    },
    async insertKey(row) {
      await db.insertInto('keys').values(row).execute()
    },
    async updateKey({ id, ...rest }) {
      await db.updateTable('keys').set(rest).where('id', '=', id).execute()
    },
    async insertTeam(row) {
      await db.insertInto('teams').values(row).execute()
    },
    async updateTeam({ id, ...rest }) {
      await db.updateTable('teams').set(rest).where('id', '=', id).execute()
    },
    async deleteTeam(id) {
      await db.deleteFrom('teams').where('id', '=', id).execute()
    },
    async audit(row) {
      await db.insertInto('audit').values(row).execute()
    },
    async latestAudit(limit) {
      return await db.selectFrom('audit').select(auditColumns).orderBy('sequence', 'desc').limit(limit).execute()
    },
  }
}

/** The tables of all that. */
export const keysMigration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('keys')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('hash', 'text', (column) => column.notNull().unique())
      .addColumn('prefix', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('team_id', 'text')
      .addColumn('scopes', 'text', (column) => column.notNull())
      .addColumn('models', 'text')
      .addColumn('limits', 'text', (column) => column.notNull())
      .addColumn('tier', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .addColumn('former_hash', 'text')
      .addColumn('former_until', 'bigint')
      .execute()
    await db.schema
      .createTable('teams')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('models', 'text')
      .addColumn('limits', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .createTable('audit')
      .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('target', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('before', 'text')
      .addColumn('after', 'text')
      .execute()
  },
}
