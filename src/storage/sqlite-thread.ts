// SQLite in a thread of its own: node:sqlite is synchronous, and nothing on the request path may wait for a disk.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { dirname } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { giveBackMemory } from '../give-back-memory.ts'
import { homeSecret } from './home-secret.ts'
import type { LedgerDone, LedgerTask } from './ledger/ledger-batch.ts'
import { LedgerWriter } from './ledger/ledger-writer.ts'

export interface Query {
  readonly id: number
  readonly sql: string
  readonly parameters: readonly unknown[]
}

export interface LedgerQuery {
  readonly id: number
  readonly ledger: LedgerTask
}

export type Answer =
  | { readonly id: number; readonly rows: unknown[]; readonly changes: bigint; readonly insertId: bigint }
  | { readonly id: number; readonly done: LedgerDone }
  | { readonly id: number; readonly error: string }

// Opened by the first query, so that a database that cannot be opened is that query's error.
let database: DatabaseSync | undefined
let writer: LedgerWriter | undefined
let secret: Uint8Array | undefined
const file = workerData as string

function open(): DatabaseSync {
  const opened = new DatabaseSync(file, { timeout: 5000 })
  // WAL with NORMAL keeps every transaction through a crash of this process; a power cut may cost the last ones.
  // https://www.sqlite.org/wal.html#performance_considerations
  opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
  return opened
}

function run(query: Query | LedgerQuery): Answer {
  const { id } = query
  try {
    database ??= open()
    if ('ledger' in query) {
      writer ??= new LedgerWriter(database, () => (secret ??= homeSecret(dirname(file), 'ledger.secret')))
      return { id, done: writer.run(query.ledger) }
    }
    const { sql, parameters } = query
    const statement = database.prepare(sql)
    const values = parameters as SQLInputValue[]
    if (statement.columns().length > 0) return { id, rows: statement.all(...values), changes: 0n, insertId: 0n }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { id, rows: [], changes: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

// What it took to open the database and to look after its tables: a thread has a heap of its own.
setTimeout(giveBackMemory, 1500).unref()

parentPort?.on('message', (query: Query | LedgerQuery | 'close') => {
  if (query !== 'close') return parentPort?.postMessage(run(query))
  database?.close()
  return parentPort?.close()
})
