import type { Kysely, Transaction } from 'kysely'
import type { AuditRow, KeyRow, Tables, TeamRow } from './tables.ts'

/** Keys, teams, and what was done to them. */
export interface KeyRows {
  all(): Promise<{ keys: KeyRow[]; teams: TeamRow[] }>
  /** Keeps a row as it is now, or for the first time, together with who did that. */
  keepKey(row: KeyRow, audit: AuditRow): Promise<void>
  deleteKey(id: string, audit: AuditRow): Promise<void>
  keepTeam(row: TeamRow, audit: AuditRow): Promise<void>
  deleteTeam(id: string, audit: AuditRow): Promise<void>
  /** Latest first. */
  latestAudit(limit: number): Promise<AuditRow[]>
}

export function keyRows(db: Kysely<Tables>): KeyRows {
  const auditColumns = ['at', 'actor_id', 'actor', 'action', 'target', 'name', 'before', 'after'] as const
  /** A change and who made it: both, or neither. */
  const audited = (audit: AuditRow, change: (tx: Transaction<Tables>) => Promise<unknown>) =>
    db.transaction().execute(async (tx) => {
      await change(tx)
      await tx.insertInto('audit').values(audit).execute()
    })
  return {
    async all() {
      const keys = db.selectFrom('keys').selectAll().orderBy('created_at').execute()
      const teams = db.selectFrom('teams').selectAll().orderBy('created_at').execute()
      return { keys: await keys, teams: await teams }
    },
    keepKey: (row, audit) => {
      const { id: _, ...rest } = row
      return audited(audit, (tx) =>
        tx
          .insertInto('keys')
          .values(row)
          .onConflict((on) => on.column('id').doUpdateSet(rest))
          .execute(),
      )
    },
    deleteKey: (id, audit) => audited(audit, (tx) => tx.deleteFrom('keys').where('id', '=', id).execute()),
    keepTeam: (row, audit) => {
      const { id: _, ...rest } = row
      return audited(audit, (tx) =>
        tx
          .insertInto('teams')
          .values(row)
          .onConflict((on) => on.column('id').doUpdateSet(rest))
          .execute(),
      )
    },
    deleteTeam: (id, audit) => audited(audit, (tx) => tx.deleteFrom('teams').where('id', '=', id).execute()),
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
      .addColumn('actor_id', 'text', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('target', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('before', 'text')
      .addColumn('after', 'text')
      .execute()
  },
}
