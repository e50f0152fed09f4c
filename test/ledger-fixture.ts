// A database of its own with the ledger's tables, and entries to fill it with.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import type { LedgerEntry } from '../src/storage/ledger/ledger-batch.ts'
import { openStore, type Store } from '../src/storage/store.ts'
import type { RequestRow } from '../src/storage/tables.ts'
import { temporaryFolder } from './server-fixture.ts'

/** A request that was answered, with what a test wants of it. */
export function entry(id: string, row: Partial<RequestRow> = {}, rest: Omit<Partial<LedgerEntry>, 'row'> = {}) {
  const answered: RequestRow = {
    id,
    received_at: Date.now(),
    key_id: 'k1',
    key_name: 'first',
    team_id: null,
    dialect: 'openai-chat',
    model: 'up/m',
    provider: 'up',
    served_model: 'm',
    reason: null,
    stream: 0,
    status: 200,
    prompt_tokens: 10,
    cached_tokens: 4,
    cache_write_tokens: null,
    cache_write_hour_tokens: null,
    audio_input_tokens: null,
    image_tokens: null,
    output_tokens: 5,
    reasoning_tokens: 0,
    audio_output_tokens: null,
    usage_basis: 'reported',
    doubt: null,
    ttft_ms: 12.5,
    tpot_ms: 3,
    queue_ms: 1,
    total_ms: 30,
    finish_reason: 'stop',
    error: null,
    cost_usd: 0.25,
    price: 'test',
    cache: null,
    tier: null,
    deadline_ms: null,
    attempts: 1,
    plan: null,
    removed_tokens: null,
    ...row,
  }
  return { row: answered, ...rest } satisfies LedgerEntry
}

export interface OpenedStore {
  readonly store: Store
  readonly file: string
  /** Another connection to the same file. */
  readonly db: DatabaseSync
}

/** Ends with the test. */
export async function openedStore(): Promise<OpenedStore> {
  const home = temporaryFolder()
  const store = await openStore(home)
  const file = join(home, 'inferloom.db')
  const db = new DatabaseSync(file)
  onTestFinished(async () => {
    db.close()
    await store.close()
  })
  return { store, file, db }
}
