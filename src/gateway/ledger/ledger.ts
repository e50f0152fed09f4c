import type { LedgerEntry, LedgerTotals } from '../../storage/ledger/ledger-batch.ts'
import type { LedgerRows } from '../../storage/ledger/ledger-rows.ts'
import type { RequestRow, SavingColumns } from '../../storage/tables.ts'
import { ContentTap } from './content-tap.ts'

const flushMs = 250
const retryMs = 5000
const sweepMs = 60_000
/** Between two steps of a clean-up, so that others reach the database. */
const pauseMs = 25
const dayMs = 86_400_000

const rowsPerBatch = 500
/** Characters of bodies that go to the database's thread at once, that wait for it, and of the longest that is described. */
const charactersPerBatch = 2_000_000
const mostWaiting = 16_000_000
const longestBody = 4_000_000
/** Rows held while the database cannot be written; the oldest go first after that. */
const mostHeld = 20_000

export interface LedgerOptions {
  readonly rows: LedgerRows
  /** Whether anything is kept at all. */
  readonly record: boolean
  readonly maxAgeDays: number
  readonly maxMB: number
  /** Whether requests are described so that they can be replayed without their content. */
  readonly replay: boolean
  readonly content: { readonly share: number; readonly maxAgeDays: number; readonly redact: boolean }
  readonly onTrouble: (error: unknown, lost: number) => void
  /** What caches were worth to a request; undefined where they had no part in it. Asked when rows are written. */
  readonly saved?: (row: RequestRow) => SavingColumns | undefined
}

/** How the ledger is, for whoever watches over the process. */
export interface LedgerState {
  /** Absent while it can be written. */
  readonly trouble?: string
  /** Rows that wait to be written. */
  readonly held: number
  /** Rows that could not be kept since the start. */
  readonly lost: number
}

/** Keeps a row of every request. Nothing waits for it: rows are written in batches, a quarter of a second apart. */
export class Ledger {
  readonly #options: LedgerOptions
  #entries: LedgerEntry[] = []
  #waitingCharacters = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #sweeping: Promise<void> | undefined
  readonly #sweeper: NodeJS.Timeout
  #closing = false
  #trouble: string | undefined
  #lost = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#beginSweep(), sweepMs).unref()
  }

  /** Takes what is said in a request, where this one is in the share that is kept. */
  contentOf(asked: string | undefined): ContentTap | undefined {
    const { record, content } = this.#options
    const { share, redact } = content
    return record && share > 0 && Math.random() < share ? new ContentTap(asked, redact) : undefined
  }

  record(entry: LedgerEntry): void {
    if (!this.#options.record) return
    this.#entries.push(this.#withinBounds(entry))
    this.#timer ??= setTimeout(() => void this.flush(), flushMs)
  }

  /** Writes what is held. Rows that could not be written stay for the next time. */
  async flush(): Promise<void> {
    // One after the other: two at once would both write, and both take away, the same rows.
    while (this.#writing) await this.#writing
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#write()
    await this.#writing
    this.#writing = undefined
  }

  state(): LedgerState {
    const trouble = this.#trouble
    return { ...(trouble !== undefined && { trouble }), held: this.#entries.length, lost: this.#lost }
  }

  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#sweeper)
    await this.#sweeping
    await this.flush()
    clearTimeout(this.#timer)
  }

  #withinBounds(entry: LedgerEntry): LedgerEntry {
    const length = entry.body?.length ?? 0
    if (length === 0) return entry
    const fits = length <= longestBody && this.#waitingCharacters + length <= mostWaiting
    if (!fits || !this.#options.replay) return withoutBody(entry)
    this.#waitingCharacters += length
    return entry
  }

  async #write(): Promise<void> {
    while (this.#entries.length > 0) {
      const batch = this.#batch()
      try {
        const { totals } = await this.#options.rows.write(batch.map((entry) => this.#withSavings(entry)))
        this.#entries.splice(0, batch.length)
        for (const { body } of batch) this.#waitingCharacters -= body?.length ?? 0
        this.#trouble = undefined
        if (this.#isTooMuch(totals)) this.#beginSweep()
      } catch (error) {
        this.#keepWhatFits(error)
        return
      }
    }
  }

  #batch(): LedgerEntry[] {
    const batch: LedgerEntry[] = []
    let characters = 0
    for (const entry of this.#entries) {
      const { body, content } = entry
      characters += (body?.length ?? 0) + (content?.asked?.length ?? 0) + (content?.answered?.length ?? 0)
      if (batch.length > 0 && characters > charactersPerBatch) break
      batch.push(entry)
      if (batch.length === rowsPerBatch) break
    }
    return batch
  }

  #withSavings(entry: LedgerEntry): LedgerEntry {
    const saved = this.#options.saved?.(entry.row)
    return saved ? { ...entry, saved } : entry
  }

  /** Bodies would fill the memory; what has no room after that is lost, and counted. */
  #keepWhatFits(error: unknown): void {
    const lost = Math.max(0, this.#entries.length - mostHeld)
    this.#entries = this.#entries.slice(lost).map(withoutBody)
    this.#waitingCharacters = 0
    this.#lost += lost
    this.#trouble = error instanceof Error ? error.message : String(error)
    this.#options.onTrouble(error, lost)
    if (this.#closing) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), retryMs).unref()
  }

  #isTooMuch({ bytes }: LedgerTotals): boolean {
    return bytes > this.#options.maxMB * 1_000_000
  }

  #beginSweep(): void {
    if (this.#closing) return
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined))
  }

  /** Deletes what is too old or too much, a little at a time: the database has other things to do. */
  async #sweep(): Promise<void> {
    const { rows, maxAgeDays, maxMB, content, onTrouble } = this.#options
    try {
      for (let more = true; more && !this.#closing;) {
        const now = Date.now()
        const since = now - maxAgeDays * dayMs
        const contentSince = now - content.maxAgeDays * dayMs
        more = (await rows.sweep({ since, contentSince, maxBytes: maxMB * 1_000_000, now })).more
        if (more) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    } catch (error) {
      onTrouble(error, 0)
    }
  }
}

function withoutBody({ row, attempts }: LedgerEntry): LedgerEntry {
  return { row, ...(attempts && { attempts }) }
}
