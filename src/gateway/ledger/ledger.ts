import type { Store } from '../../storage/store.ts'
import type { RequestRow } from '../../storage/tables.ts'

const flushMs = 250
const rowsPerInsert = 500
/** Rows held while the database cannot be written; the oldest go first after that. */
const mostHeld = 50_000

/** Keeps a row of every request. Nothing waits for it: rows are written in batches, a quarter of a second apart. */
export class Ledger {
  readonly #store: Store
  readonly #onTrouble: (error: unknown, lost: number) => void
  #rows: RequestRow[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined

  constructor(store: Store, onTrouble: (error: unknown, lost: number) => void) {
    this.#store = store
    this.#onTrouble = onTrouble
  }

  record(row: RequestRow): void {
    this.#rows.push(row)
    this.#timer ??= setTimeout(() => void this.flush(), flushMs)
  }

  /** Writes what is held. Rows that could not be written stay for the next time. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#writing
    this.#writing = this.#write()
    await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#rows.length > 0) {
      const batch = this.#rows.slice(0, rowsPerInsert)
      try {
        await this.#store.insertRequests(batch)
        this.#rows.splice(0, batch.length)
      } catch (error) {
        const lost = Math.max(0, this.#rows.length - mostHeld)
        this.#rows.splice(0, lost)
        this.#onTrouble(error, lost)
        this.#timer ??= setTimeout(() => void this.flush(), flushMs * 20).unref()
        return
      }
    }
  }
}
