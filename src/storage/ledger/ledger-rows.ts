import { sql, type Kysely } from 'kysely'
import type { AttemptRow, ReplayColumns, RequestRow, SavingColumns, Tables } from '../tables.ts'
import { attemptColumns, requestColumns, requestValues, savingColumns } from './columns.ts'
import type { LedgerDone, LedgerEntry, LedgerTask, PackedEntry } from './ledger-batch.ts'
import { readPrefixHashes, type PrefixHash } from './replay-material.ts'
import { usageLines, type UsageGroup, type UsageLine, type UsageRange } from './usage-query.ts'

/** A request as people and the admin API see it. */
interface ShownRequest extends RequestRow, SavingColumns, Pick<ReplayColumns, 'determinism' | 'capabilities'> {
  /** In hexadecimal digits. */
  readonly exact_key: string | null
}

/** All that is kept of one request. */
interface RequestDetail extends Omit<ShownRequest, 'plan'> {
  readonly plan: unknown
  readonly attempts_made: readonly AttemptRow[]
  readonly prefix_hashes: readonly PrefixHash[]
  readonly content: { readonly asked: string | null; readonly answered: string | null } | null
}

export interface LedgerRows {
  /** All of them or none, and each once, however often it is tried. */
  write(entries: readonly LedgerEntry[]): Promise<LedgerDone>
  /** Deletes a little of what is too old or too much. */
  sweep(bounds: Extract<LedgerTask, { task: 'sweep' }>['bounds']): Promise<LedgerDone>
  /** Latest first. */
  latest(limit: number): Promise<ShownRequest[]>
  find(id: string): Promise<RequestDetail | undefined>
  /** Sums, and the time they are really about: see `usageLines`. */
  usage(by: UsageGroup, range: UsageRange): Promise<{ lines: UsageLine[]; range: UsageRange }>
}

export function ledgerRows(db: Kysely<Tables>, run: (task: LedgerTask) => Promise<LedgerDone>): LedgerRows {
  const shown = () =>
    db
      .selectFrom('requests')
      .select([...requestColumns, ...savingColumns, 'determinism', 'capabilities'])
      .select(sql<string | null>`lower(nullif(hex(exact_key), ''))`.as('exact_key'))
  return {
    write: (entries) => run({ task: 'write', entries: entries.map(packed) }),
    sweep: (bounds) => run({ task: 'sweep', bounds }),
    latest: (limit) => shown().orderBy('sequence', 'desc').limit(limit).execute(),
    async find(id) {
      const row = await shown().select(['sequence', 'prefix_hashes']).where('id', '=', id).executeTakeFirst()
      if (!row) return undefined
      const { sequence, prefix_hashes: hashes, ...request } = row
      const attempts = db.selectFrom('attempts').select(attemptColumns).where('request', '=', sequence)
      const content = db.selectFrom('contents').select(['asked', 'answered']).where('request', '=', sequence)
      return {
        ...request,
        plan: request.plan === null ? null : JSON.parse(request.plan),
        attempts_made: await attempts.orderBy('number').execute(),
        prefix_hashes: hashes ? readPrefixHashes(hashes) : [],
        content: (await content.executeTakeFirst()) ?? null,
      }
    },
    usage: (by, range) => usageLines(db, { by, range, now: Date.now() }),
  }
}

function packed({ row, attempts, body, content, saved }: LedgerEntry): PackedEntry {
  // What is absent would travel with its name.
  return {
    row: requestValues(row),
    ...(attempts && { attempts }),
    ...(body !== undefined && { body }),
    ...(content && { content }),
    ...(saved && { saved }),
  }
}
