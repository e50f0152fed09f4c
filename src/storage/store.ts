import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CompiledQuery, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { InferloomError } from '../canonical/errors.ts'
import { migrations } from './migrations.ts'
import { responseRows, type ResponseRows } from './response-rows.ts'
import { SqliteThreadDialect } from './sqlite-dialect.ts'
import type { RequestRow, Tables } from './tables.ts'

/** What the rest of inferloom keeps and asks for, whatever database is underneath. */
export interface Store {
  insertRequests(rows: readonly RequestRow[]): Promise<void>
  /** Latest first. */
  latestRequests(limit: number): Promise<RequestRow[]>
  readonly responses: ResponseRows
  close(): Promise<void>
}

const requestColumns = Object.keys({
  id: true,
  received_at: true,
  dialect: true,
  model: true,
  provider: true,
  served_model: true,
  stream: true,
  status: true,
  prompt_tokens: true,
  output_tokens: true,
  ttft_ms: true,
  tpot_ms: true,
  total_ms: true,
  finish_reason: true,
  error: true,
} satisfies Record<keyof RequestRow, true>) as (keyof RequestRow)[]

// One statement for any number of rows: making one with a place for each value costs requests as much as all their routing.
const insertRequest = `insert into requests (${requestColumns.join(', ')}) values (${requestColumns.map(() => '?').join(', ')})`

/** Opens the database in the home folder, and brings its tables up to date. Throws `home_not_writable`. */
export async function openStore(home: string): Promise<Store> {
  try {
    makeFolder(home)
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw notWritable(home, cause)
  }
  const db = new Kysely<Tables>({ dialect: new SqliteThreadDialect(join(home, 'inferloom.db')) })
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...migrations }) } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    await db.destroy().catch(() => {})
    throw notWritable(home, error)
  }
  return {
    async insertRequests(rows) {
      const values = rows.map((row) => requestColumns.map((name) => row[name]))
      await db.executeQuery(CompiledQuery.raw(insertRequest, values))
    },
    async latestRequests(limit) {
      return await db.selectFrom('requests').selectAll().orderBy('sequence', 'desc').limit(limit).execute()
    },
    responses: responseRows(db),
    async close() {
      await db.destroy()
    },
  }
}

/** `mkdirSync` with `recursive` never returns where an existing parent answers ENOENT, as all of /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!existsSync(path)) throw error // another process may have been faster
  }
}

function notWritable(home: string, cause: unknown): InferloomError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new InferloomError(
    'home_not_writable',
    `inferloom cannot keep its data in ${home}: ${reason}. Remedy: make the folder writable, or set INFERLOOM_HOME to one that is.`,
    { cause },
  )
}
