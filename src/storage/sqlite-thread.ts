// SQLite in a thread of its own: node:sqlite is synchronous, and nothing on the request path may wait for a disk.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

export interface Query {
  readonly id: number
  readonly sql: string
  /** Values, or lists of values: the statement then runs once with each list, all of it or nothing. */
  readonly parameters: readonly unknown[]
}

export type Answer =
  | { readonly id: number; readonly rows: unknown[]; readonly changes: bigint; readonly insertId: bigint }
  | { readonly id: number; readonly error: string }

// Opened by the first query, so that a database that cannot be opened is that query's error.
let database: DatabaseSync | undefined

function open(): DatabaseSync {
  const opened = new DatabaseSync(workerData as string, { timeout: 5000 })
  // WAL with NORMAL keeps every transaction through a crash of this process; a power cut may cost the last ones.
  // https://www.sqlite.org/wal.html#performance_considerations
  opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
  return opened
}

function run({ id, sql, parameters }: Query): Answer {
  try {
    database ??= open()
    const statement = database.prepare(sql)
    if (Array.isArray(parameters[0])) {
      runEach(database, statement, parameters as SQLInputValue[][])
      return { id, rows: [], changes: BigInt(parameters.length), insertId: 0n }
    }
    const values = parameters as SQLInputValue[]
    if (statement.columns().length > 0) return { id, rows: statement.all(...values), changes: 0n, insertId: 0n }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { id, rows: [], changes: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

function runEach(database: DatabaseSync, statement: StatementSync, rows: readonly SQLInputValue[][]): void {
  database.exec('begin')
  try {
    for (const values of rows) statement.run(...values)
    database.exec('commit')
  } catch (error) {
    database.exec('rollback')
    throw error
  }
}

parentPort?.on('message', (query: Query | 'close') => {
  if (query !== 'close') return parentPort?.postMessage(run(query))
  database?.close()
  return parentPort?.close()
})
