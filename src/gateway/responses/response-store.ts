import type { ResponseRows } from '../../storage/response-rows.ts'
import type { ResponseRow } from '../../storage/tables.ts'

/** An answer with what its request brought, both as JSON. */
export interface KeptResponse {
  readonly id: string
  readonly owner: string
  readonly createdAt: number
  readonly previousId: string | undefined
  readonly input: string
  readonly response: string
}

export interface ResponseStoreOptions {
  readonly rows: ResponseRows
  readonly maxAgeDays: number
  readonly maxMB: number
  /** Is told that answers could not be written, and how many were given up. */
  readonly onTrouble: (error: unknown, lost: number) => void
}

const dayMs = 86_400_000
/** Turns of one conversation that are put together again. */
const mostTurns = 1000
/** Of them together: they are more than any model reads. */
const mostChainBytes = 16_000_000
/** One that is larger is not kept: the database thread has little memory. */
const mostBytes = 16_000_000
/** Answers held while the database cannot be written; the oldest go first after that. */
const mostHeldBytes = 64_000_000
const rowsPerInsert = 50
const bytesPerInsert = 4_000_000
const rowsPerSweep = 100
const retryMs = 5000
const sweepEveryMs = 600_000

/**
 * Keeps answers so that later requests can refer to them. Nothing waits for the disk: an answer is found in memory
 * until it is written, which begins at once.
 */
export class ResponseStore {
  readonly #rows: ResponseRows
  readonly #maxAgeMs: number
  readonly #maxBytes: number
  readonly #onTrouble: ResponseStoreOptions['onTrouble']
  /** Not written yet, oldest first. */
  readonly #held = new Map<string, ResponseRow>()
  #heldBytes = 0
  #writing: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  readonly #sweeper: NodeJS.Timeout
  /** Of all that is written; not known before the first sweep. */
  #totalBytes: number | undefined
  #sweeping: Promise<void> | undefined
  /** No sweep begins or goes on any more: the next start has one. */
  #closing = false
  #closed = false

  constructor({ rows, maxAgeDays, maxMB, onTrouble }: ResponseStoreOptions) {
    this.#rows = rows
    this.#maxAgeMs = maxAgeDays * dayMs
    this.#maxBytes = maxMB * 1_000_000
    this.#onTrouble = onTrouble
    this.#sweeper = setInterval(() => this.#beginSweep(), sweepEveryMs).unref()
  }

  keep({ id, owner, createdAt, previousId, input, response }: KeptResponse): void {
    const bytes = Buffer.byteLength(input) + Buffer.byteLength(response)
    const most = Math.min(this.#maxBytes, mostBytes)
    if (this.#closed) return this.#onTrouble(new Error('An answer that ended after the shutdown is not kept.'), 1)
    if (bytes > most) {
      return this.#onTrouble(new Error(`An answer of ${bytes} bytes is not kept: more than ${most} are not.`), 1)
    }
    this.#held.set(id, { id, owner, created_at: createdAt, previous_id: previousId ?? null, input, response, bytes })
    this.#heldBytes += bytes
    if (this.#retry === undefined) void this.flush()
  }

  async find(id: string, owner: string): Promise<KeptResponse | undefined> {
    const held = this.#held.get(id)
    if (held?.owner === owner) return kept(held)
    const row = await this.#rows.find(id, owner, this.#since())
    return row && kept(row)
  }

  /** The answer and those it continued, first one first; empty where one of them is not there any more. */
  async chain(id: string, owner: string): Promise<KeptResponse[]> {
    const latest: ResponseRow[] = []
    let next: string | null = id
    let bytes = mostChainBytes
    while (next !== null && latest.length < mostTurns && bytes > 0) {
      const held: ResponseRow | undefined = this.#held.get(next)
      if (held?.owner !== owner) break
      latest.unshift(held)
      bytes -= held.bytes
      next = held.previous_id
    }
    const turns = mostTurns - latest.length
    const more = next !== null && turns > 0 && bytes > 0
    const written = more ? await this.#rows.chain(next ?? '', owner, { since: this.#since(), turns, bytes }) : []
    const all = [...written, ...latest]
    return all[0]?.previous_id === null ? all.map(kept) : []
  }

  /** Whether there was one. */
  async delete(id: string, owner: string): Promise<boolean> {
    const held = this.#held.get(id)
    const own = held?.owner === owner
    if (own) this.#letGo(held)
    await this.#writing
    return (await this.#rows.delete(id, owner)) || own
  }

  /** Writes what is held. What could not be written stays for the next time. */
  async flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
    await this.#writing
  }

  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#sweeper)
    // What is kept while the rest is written is written too; what cannot be written now is lost.
    do await this.flush()
    while (this.#held.size > 0 && this.#retry === undefined)
    this.#closed = true
    clearTimeout(this.#retry)
    await this.#sweeping
  }

  async #write(): Promise<void> {
    clearTimeout(this.#retry)
    this.#retry = undefined
    // Those that end in the same moment are written together.
    await new Promise(setImmediate)
    while (this.#held.size > 0) {
      const batch = this.#batch()
      try {
        await this.#rows.insert(batch)
      } catch (error) {
        this.#onTrouble(error, this.#giveUpOldest())
        this.#retry = setTimeout(() => void this.flush(), retryMs).unref()
        return
      }
      for (const row of batch) {
        if (this.#totalBytes !== undefined) this.#totalBytes += row.bytes
        this.#letGo(row)
      }
    }
    if (this.#totalBytes === undefined || this.#totalBytes > this.#maxBytes) this.#beginSweep()
  }

  #batch(): ResponseRow[] {
    const batch: ResponseRow[] = []
    let bytes = 0
    for (const row of this.#held.values()) {
      batch.push(row)
      bytes += row.bytes
      if (batch.length === rowsPerInsert || bytes > bytesPerInsert) break
    }
    return batch
  }

  #letGo(row: ResponseRow): void {
    if (this.#held.delete(row.id)) this.#heldBytes -= row.bytes
  }

  #giveUpOldest(): number {
    let lost = 0
    for (const row of this.#held.values()) {
      if (this.#heldBytes <= mostHeldBytes) break
      this.#letGo(row)
      lost++
    }
    return lost
  }

  #since(): number {
    return Date.now() - this.#maxAgeMs
  }

  #beginSweep(): void {
    if (this.#closing) return
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined))
  }

  /** Deletes what is too old or too much, a little at a time: the database has other things to do. */
  async #sweep(): Promise<void> {
    try {
      let total = await this.#rows.totalBytes()
      for (let more = true; more && !this.#closing;) {
        const since = this.#since()
        let last: number | undefined
        const oldest = await this.#rows.oldest(rowsPerSweep)
        for (const { sequence, bytes, created_at: createdAt } of oldest) {
          if (createdAt > since && total <= this.#maxBytes) break
          total -= bytes
          last = sequence
        }
        more = last !== undefined && last === oldest.at(-1)?.sequence
        if (last !== undefined) await this.#rows.deleteUpTo(last)
      }
      this.#totalBytes = total
    } catch (error) {
      this.#onTrouble(error, 0)
    }
  }
}

function kept({
  id,
  owner,
  created_at: createdAt,
  previous_id: previousId,
  input,
  response,
}: ResponseRow): KeptResponse {
  return { id, owner, createdAt, previousId: previousId ?? undefined, input, response }
}
