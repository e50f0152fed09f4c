import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { rollUps } from './roll-up.ts'

const texts = ['key_id', 'key_name', 'team_id', 'reason', 'usage_basis', 'doubt', 'price', 'cache', 'tier'] as const
const counts = [
  'cached_tokens',
  'cache_write_tokens',
  'cache_write_hour_tokens',
  'audio_input_tokens',
  'image_tokens',
  'reasoning_tokens',
  'audio_output_tokens',
  'deadline_ms',
] as const

/** Who asked and what it cost, every attempt at a provider, and sums by the minute, the hour and the day. */
export const ledgerMigration: Migration = {
  async up(db: Kysely<unknown>) {
    const add = (name: string, type: 'text' | 'integer' | 'real' | 'blob') =>
      db.schema.alterTable('requests').addColumn(name, type).execute()
    for (const name of texts) await add(name, 'text')
    for (const name of counts) await add(name, 'integer')
    for (const name of ['queue_ms', 'cost_usd']) await add(name, 'real')
    for (const name of ['determinism', 'capabilities']) await add(name, 'text')
    for (const name of ['exact_key', 'prefix_hashes']) await add(name, 'blob')
    for (const name of ['attempts', 'bytes']) {
      await db.schema
        .alterTable('requests')
        .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
    }
    await sql`delete from requests where sequence not in (select min(sequence) from requests group by id)`.execute(db)
    await db.schema.createIndex('requests_id').unique().on('requests').column('id').execute()
    await db.schema
      .createTable('attempts')
      .addColumn('request', 'integer', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('started_ms', 'real', (column) => column.notNull())
      .addColumn('provider', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('status', 'integer', (column) => column.notNull())
      .addColumn('error', 'text')
      .addColumn('prompt_tokens', 'integer')
      .addColumn('output_tokens', 'integer')
      .addColumn('ttft_ms', 'real')
      .addColumn('total_ms', 'real', (column) => column.notNull())
      .addColumn('cost_usd', 'real')
      .addPrimaryKeyConstraint('attempts_key', ['request', 'number'])
      .modifyEnd(sql`without rowid`)
      .execute()
    await db.schema
      .createTable('contents')
      .addColumn('request', 'integer', (column) => column.primaryKey())
      .addColumn('received_at', 'bigint', (column) => column.notNull())
      .addColumn('asked', 'text')
      .addColumn('answered', 'text')
      .addColumn('bytes', 'integer', (column) => column.notNull())
      .execute()
    for (const { table } of rollUps) {
      await sql`create table ${sql.table(table)} (
        at integer not null, key_id text not null, team_id text not null, route text not null, provider text not null,
        model text not null, key_name text not null,
        requests integer not null, errors integer not null, left_early integer not null,
        prompt_tokens integer not null, cached_tokens integer not null, cache_write_tokens integer not null,
        output_tokens integer not null, reasoning_tokens integer not null,
        cost_usd real not null, cost_squares real not null, priced integer not null, unpriced integer not null,
        ttft_ms real not null, ttft_count integer not null, queue_ms real not null, total_ms real not null,
        primary key (at, key_id, team_id, route, provider, model)
      ) without rowid`.execute(db)
    }
    // What is there in all, so that nobody has to count it: one row, which every write and every clean-up changes.
    await sql`create table ledger_totals (one integer primary key check (one = 1), rows integer not null, bytes integer not null)`.execute(
      db,
    )
    await sql`insert into ledger_totals select 1, count(*), 400 * count(*) from requests`.execute(db)
    await sql`update requests set bytes = 400`.execute(db)
  },
}

/** What caches saved. */
export const savingsMigration: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['prompt_cache_saved_usd', 'answer_saved_usd']) {
      await db.schema.alterTable('requests').addColumn(name, 'real').execute()
    }
    const sums = [
      ['kept_answers', 'integer'],
      ['prompt_cache_saved_usd', 'real'],
      ['answers_saved_usd', 'real'],
      ['saved_unknown', 'integer'],
    ] as const
    for (const { table } of rollUps) {
      for (const [name, type] of sums) {
        await db.schema
          .alterTable(table)
          .addColumn(name, type, (column) => column.notNull().defaultTo(0))
          .execute()
      }
    }
  },
}

/**
 * The only try of a request is told by its row, word for word, so that it needs none of its own, which was a third of
 * what writing a request took: `attempts` shows it beside those that are kept.
 */
export const attemptsMigration: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table attempts rename to attempts_kept`.execute(db)
    await sql`create view attempts as
      select request, number, started_ms, provider, model, reason, status, error, prompt_tokens, output_tokens, ttft_ms,
        total_ms, cost_usd
      from attempts_kept
      union all
      select sequence, 1, coalesce(queue_ms, 0), provider, coalesce(served_model, ''), reason, status, error,
        prompt_tokens, output_tokens, ttft_ms, total_ms, cost_usd
      from requests
      where attempts = 1 and provider is not null
        and not exists (select 1 from attempts_kept where request = requests.sequence)`.execute(db)
  },
}
