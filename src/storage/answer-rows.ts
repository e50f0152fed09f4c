import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { AnswerRow, Tables } from './tables.ts'

/** Answers that outlive the process. */
export interface AnswerRows {
  /** Kept after `since`, in milliseconds since 1970. */
  find(key: string, since: number): Promise<AnswerRow | undefined>
  /** The last one of a key counts. */
  put(rows: readonly AnswerRow[]): Promise<void>
  /** Deletes what is too old, and the oldest of what is too much: a little at a time. Returns whether there is more. */
  sweep(since: number, mostBytes: number): Promise<boolean>
}

/** Of one step: a few milliseconds, after which others have their turn. */
const rowsPerStep = 100

export const answersMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('answers')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('kept_at', 'bigint', (column) => column.notNull())
      .addColumn('bytes', 'integer', (column) => column.notNull())
      .addColumn('answer', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('answers_kept_at').on('answers').columns(['kept_at', 'bytes']).execute()
  },
}

export function answerRows(db: Kysely<Tables>): AnswerRows {
  return {
    async find(key, since) {
      const found = db.selectFrom('answers').selectAll().where('key', '=', key).where('kept_at', '>=', since)
      return await found.executeTakeFirst()
    },
    async put(rows) {
      if (rows.length === 0) return
      await db
        .replaceInto('answers')
        .values([...rows])
        .execute()
    },
    async sweep(since, mostBytes) {
      const sum = db.selectFrom('answers').select((each) => each.fn.sum<number | null>('bytes').as('total'))
      let over = ((await sum.executeTakeFirst())?.total ?? 0) - mostBytes
      const oldest = await db
        .selectFrom('answers')
        .select(['key', 'kept_at', 'bytes'])
        .orderBy('kept_at')
        .limit(rowsPerStep)
        .execute()
      const gone = oldest.filter(({ kept_at: keptAt, bytes }) => {
        const goes = keptAt < since || over > 0
        if (goes) over -= bytes
        return goes
      })
      if (gone.length === 0) return false
      await sql`delete from answers where key in (${sql.join(gone.map(({ key }) => key))})`.execute(db)
      return gone.length === rowsPerStep
    },
  }
}
