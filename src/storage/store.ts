import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { InferloomError } from '../canonical/errors.ts'
import { ledgerRows, type LedgerRows } from './ledger/ledger-rows.ts'
import { answerRows, type AnswerRows } from './answer-rows.ts'
import { keyRows, type KeyRows } from './key-rows.ts'
import { migrations } from './migrations.ts'
import { responseRows, type ResponseRows } from './response-rows.ts'
import { spendRows, type SpendRows } from './spend-rows.ts'
import { SqliteThreadDialect } from './sqlite-dialect.ts'
import type { Tables } from './tables.ts'

/** What the rest of inferloom keeps and asks for, whatever database is underneath. */
export interface Store {
  readonly ledger: LedgerRows
  readonly responses: ResponseRows
  readonly spend: SpendRows
  readonly keys: KeyRows
  readonly answers: AnswerRows
  close(): Promise<void>
}

/** Opens the database in the home folder, and brings its tables up to date. Throws `home_not_writable`. */
export async function openStore(home: string): Promise<Store> {
  try {
    makeFolder(home)
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw notWritable(home, cause)
  }
  const dialect = new SqliteThreadDialect(join(home, 'inferloom.db'))
  const db = new Kysely<Tables>({ dialect })
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
    // One that was made beside others may come with a later release than they did.
    allowUnorderedMigrations: true,
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    await db.destroy().catch(() => {})
    throw notWritable(home, error)
  }
  return {
    ledger: ledgerRows(db, (task) => dialect.runLedger(task)),
    responses: responseRows(db),
    spend: spendRows(db),
    keys: keyRows(db),
    answers: answerRows(db),
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
