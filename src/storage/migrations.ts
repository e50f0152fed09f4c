import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { answersMigration } from './answer-rows.ts'
import { keysMigration } from './key-rows.ts'
import { attemptsMigration, ledgerMigration, savingsMigration } from './ledger/migration.ts'

/** In order of their names; a migration that was released is never changed. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_requests': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('requests')
        .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('received_at', 'bigint', (column) => column.notNull())
        .addColumn('dialect', 'text', (column) => column.notNull())
        .addColumn('model', 'text', (column) => column.notNull())
        .addColumn('provider', 'text')
        .addColumn('stream', 'integer', (column) => column.notNull())
        .addColumn('status', 'integer', (column) => column.notNull())
        .addColumn('prompt_tokens', 'integer')
        .addColumn('output_tokens', 'integer')
        .addColumn('ttft_ms', 'real')
        .addColumn('tpot_ms', 'real')
        .addColumn('total_ms', 'real', (column) => column.notNull())
        .addColumn('finish_reason', 'text')
        .addColumn('error', 'text')
        .execute()
    },
  },
  '0002_responses': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('responses')
        .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('previous_id', 'text')
        .addColumn('bytes', 'integer', (column) => column.notNull())
        .addColumn('input', 'text', (column) => column.notNull())
        .addColumn('response', 'text', (column) => column.notNull())
        .execute()
      // Sizes are added up at the start, without reading what was said.
      await db.schema.createIndex('responses_bytes').on('responses').column('bytes').execute()
    },
  },
  '0003_served_model': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('requests').addColumn('served_model', 'text').execute()
    },
  },
  '0004_ledger': ledgerMigration,
  '0005_keys': keysMigration,
  '0006_plans': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('requests').addColumn('plan', 'text').execute()
      await db.schema.alterTable('requests').addColumn('removed_tokens', 'integer').execute()
    },
  },
  '0007_answers': answersMigration,
  '0008_savings': savingsMigration,
  '0009_attempts': attemptsMigration,
}
