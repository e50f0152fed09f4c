// Runs in the database's thread: nothing here may be waited for by a request.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { ReplayColumns, RequestRow, SavingColumns } from '../tables.ts'
import { attemptColumns, replayColumns, requestColumns, requestRow, savingColumns } from './columns.ts'
import { keptContent } from './content.ts'
import type { LedgerBounds, LedgerDone, LedgerTask, LedgerTotals, PackedEntry } from './ledger-batch.ts'
import { replayMaterial, type Replayed } from './replay-material.ts'
import { BatchSums, rollUpKeys, rollUps, rollUpSums } from './roll-up.ts'

/** Rows that one step of a clean-up deletes: a few milliseconds, after which others have their turn. */
const rowsPerStep = 500
/** Of a row beside its texts: numbers, the entries of indices, its attempt. */
const fixedBytes = 260

/** Bodies whose description is remembered, and the longest of them, in characters. */
const mostRemembered = 256
const longestRemembered = 16_384

const list = (columns: readonly string[]) => columns.join(', ')
const places = (columns: readonly string[]) => columns.map(() => '?').join(', ')

const insertRequestSql = (() => {
  const columns = [...requestColumns, ...replayColumns, ...savingColumns, 'bytes']
  // A batch whose end nobody heard of, because the process was killed, may come again: no row is written twice.
  return `insert into requests (${list(columns)}) values (${places(columns)}) on conflict (id) do nothing`
})()
const insertAttemptSql = `insert into attempts_kept (request, ${list(attemptColumns)}) values (?, ${places(attemptColumns)})`
const insertContentSql = 'insert into contents (request, received_at, asked, answered, bytes) values (?, ?, ?, ?, ?)'
const lineColumns = [...rollUpKeys, 'key_name', ...rollUpSums] as const
const upsertSql = (table: string) =>
  `insert into ${table} (${list(lineColumns)}) values (${places(lineColumns)}) on conflict (${list(rollUpKeys)}) ` +
  `do update set key_name = excluded.key_name, ${rollUpSums.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`

/** Writes batches of the ledger, with their sums, and deletes what is too old or too much. */
export class LedgerWriter {
  readonly #db: DatabaseSync
  readonly #secret: () => Uint8Array
  readonly #insertRequest: StatementSync
  readonly #insertAttempt: StatementSync
  readonly #insertContent: StatementSync
  readonly #upserts: readonly StatementSync[]
  readonly #addTotals: StatementSync
  readonly #totals: StatementSync
  /** What was told of the latest bodies, of each for whom it was served last: the same one often comes again. */
  readonly #described = new Map<string, { readonly served: Omit<Replayed, 'body'>; readonly material: ReplayColumns }>()

  constructor(db: DatabaseSync, secret: () => Uint8Array) {
    this.#db = db
    this.#secret = secret
    this.#insertRequest = db.prepare(insertRequestSql)
    this.#insertAttempt = db.prepare(insertAttemptSql)
    this.#insertContent = db.prepare(insertContentSql)
    this.#upserts = rollUps.map(({ table }) => db.prepare(upsertSql(table)))
    this.#addTotals = db.prepare('update ledger_totals set rows = rows + ?, bytes = max(0, bytes + ?)')
    this.#totals = db.prepare('select rows, bytes from ledger_totals')
  }

  run(task: LedgerTask): LedgerDone {
    switch (task.task) {
      case 'write':
        return this.#atOnce(() => this.#write(task.entries))
      case 'sweep':
        return this.#atOnce(() => this.#sweep(task.bounds))
      case 'totals':
        return { totals: this.#readTotals(), more: false }
    }
  }

  #atOnce(work: () => boolean): LedgerDone {
    // At once a writer: one that began as a reader could not wait for another process.
    this.#db.exec('begin immediate')
    try {
      const more = work()
      const totals = this.#readTotals()
      this.#db.exec('commit')
      return { totals, more }
    } catch (error) {
      // After some errors, a full disk among them, SQLite has rolled back itself.
      // https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
      if (this.#db.isTransaction) this.#db.exec('rollback')
      throw error
    }
  }

  #readTotals(): LedgerTotals {
    return this.#totals.get() as unknown as LedgerTotals
  }

  #write(entries: readonly PackedEntry[]): boolean {
    const [minutes, hours, days] = rollUps
    const byMinute = new BatchSums(minutes.periodMs)
    let rows = 0
    let bytes = 0
    for (const entry of entries) {
      const row = requestRow(entry.row)
      const size = this.#insert(row, entry)
      if (size === 0) continue
      rows++
      bytes += size
      byMinute.add(row, entry.saved)
    }
    const byHour = byMinute.coarser(hours.periodMs)
    const now = Date.now()
    for (const [index, sums] of [byMinute, byHour, byHour.coarser(days.periodMs)].entries()) {
      const since = now - (rollUps[index]?.keptMs ?? 0)
      for (const line of sums.lines()) {
        // What came late needs no sums that are about to be deleted.
        if (line.at >= since) this.#upserts[index]?.run(...lineColumns.map((name) => line[name]))
      }
    }
    this.#addTotals.run(rows, bytes)
    return false
  }

  /** Returns how much room it takes; none where the row is there already. */
  #insert(row: RequestRow, entry: PackedEntry): number {
    const material = this.#materialOf(row, entry.body)
    const content = entry.content && keptContent(entry.content)
    const size = sizeOf(row, material)
    const { saved = nothingSaved } = entry
    const replayed = replayColumns.map((name) => material[name])
    const values = [...entry.row, ...replayed, ...savingColumns.map((name) => saved[name]), size]
    const { changes, lastInsertRowid } = this.#insertRequest.run(...(values as SQLInputValue[]))
    if (changes === 0) return 0
    for (const attempt of entry.attempts ?? []) {
      this.#insertAttempt.run(lastInsertRowid, ...attemptColumns.map((name) => attempt[name]))
    }
    if (!content) return size
    const contentBytes = (content.asked?.length ?? 0) + (content.answered?.length ?? 0)
    this.#insertContent.run(lastInsertRowid, row.received_at, content.asked, content.answered, contentBytes)
    return size + contentBytes
  }

  #materialOf({ dialect, provider, served_model: model }: RequestRow, body: string | undefined): ReplayColumns {
    if (body === undefined) return nothingKnown
    const known = this.#described.get(body)
    if (known) {
      const { served } = known
      if (served.model === model && served.provider === provider && served.dialect === dialect) return known.material
    }
    const served = { dialect, provider, model }
    const material = this.#describe(served, body)
    if (body.length <= longestRemembered && material !== nothingKnown) {
      if (this.#described.size >= mostRemembered) this.#described.clear()
      this.#described.set(body, { served, material })
    }
    return material
  }

  #describe(served: Omit<Replayed, 'body'>, body: string): ReplayColumns {
    if (!isQuicklyRead(body)) return nothingKnown
    try {
      const parsed: unknown = JSON.parse(body)
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return nothingKnown
      return replayMaterial({ body: parsed as Readonly<Record<string, unknown>>, ...served }, this.#secret())
    } catch {
      // It is no JSON, or the secret cannot be kept on a disk that is full: the row matters more.
      return nothingKnown
    }
  }

  /** One step; returns whether there may be more to do. */
  #sweep({ since, maxBytes, contentSince, now }: LedgerBounds): boolean {
    const contents = this.#sweepContents(contentSince)
    const sums = this.#sweepSums(now)
    const { bytes: before } = this.#readTotals()
    let over = before - maxBytes
    let last: number | undefined
    let bytes = 0
    let rows = 0
    const oldest = this.#db
      .prepare(
        `select r.sequence, r.received_at, r.bytes + coalesce(c.bytes, 0) as bytes from requests r
         left join contents c on c.request = r.sequence order by r.sequence limit ?`,
      )
      .all(rowsPerStep) as unknown as { sequence: number; received_at: number; bytes: number }[]
    for (const row of oldest) {
      if (row.received_at >= since && over <= 0) break
      over -= row.bytes
      bytes += row.bytes
      last = row.sequence
      rows++
    }
    if (last === undefined) return contents || sums
    this.#db.prepare('delete from contents where request <= ?').run(last)
    this.#db.prepare('delete from attempts_kept where request <= ?').run(last)
    this.#db.prepare('delete from requests where sequence <= ?').run(last)
    this.#addTotals.run(-rows, -bytes)
    return contents || sums || rows === rowsPerStep
  }

  #sweepContents(since: number): boolean {
    const oldest = this.#db
      .prepare('select request, received_at, bytes from contents order by request limit ?')
      .all(rowsPerStep) as unknown as { request: number; received_at: number; bytes: number }[]
    const old = oldest.filter(({ received_at: at }) => at < since)
    const last = old.at(-1)?.request
    if (last === undefined) return false
    const gone = oldest.filter(({ request }) => request <= last)
    this.#db.prepare('delete from contents where request <= ?').run(last)
    this.#addTotals.run(0, -gone.reduce((sum, { bytes }) => sum + bytes, 0))
    return gone.length === rowsPerStep
  }

  #sweepSums(now: number): boolean {
    let more = false
    for (const { table, keptMs } of rollUps) {
      const { changes } = this.#db
        .prepare(
          `delete from ${table} where (at, key_id, team_id, route, provider, model) in
           (select at, key_id, team_id, route, provider, model from ${table} where at < ? order by at limit ?)`,
        )
        .run(now - keptMs, rowsPerStep)
      if (Number(changes) === rowsPerStep) more = true
    }
    return more
  }
}

/** Of members, lists and objects: more take longer to read than a row may wait. */
const mostParts = 100_000

/** Looks for marks in the text, which takes a thousandth of reading it; those within words count too. */
function isQuicklyRead(body: string): boolean {
  return [',', '[', '{'].every((mark) => {
    let left = mostParts
    for (let at = body.indexOf(mark); at !== -1 && left > 0; at = body.indexOf(mark, at + 1)) left--
    return left > 0
  })
}

const nothingSaved: SavingColumns = { prompt_cache_saved_usd: null, answer_saved_usd: null }
const nothingKnown: ReplayColumns = { exact_key: null, prefix_hashes: null, determinism: null, capabilities: null }

function sizeOf(row: RequestRow, { prefix_hashes: hashes, exact_key: key, capabilities }: ReplayColumns): number {
  const texts = [row.id, row.key_id, row.key_name, row.team_id, row.dialect, row.model, row.provider, row.served_model]
  const more = [
    row.reason,
    row.usage_basis,
    row.doubt,
    row.finish_reason,
    row.error,
    row.price,
    row.tier,
    row.plan,
    capabilities,
  ]
  let size = fixedBytes + (hashes?.length ?? 0) + (key?.length ?? 0)
  for (const each of texts) size += each?.length ?? 0
  for (const each of more) size += each?.length ?? 0
  return size
}
