import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from 'kysely'
import type { LedgerDone, LedgerTask } from './ledger/ledger-batch.ts'
import type { Answer, LedgerQuery, Query } from './sqlite-thread.ts'

/**
 * Kysely over `node:sqlite` in a worker thread.
 *
 * @example new Kysely<Tables>({ dialect: new SqliteThreadDialect('/home/me/.inferloom/inferloom.db') })
 */
export class SqliteThreadDialect implements Dialect {
  readonly #driver: SqliteThreadDriver

  constructor(file: string) {
    this.#driver = new SqliteThreadDriver(file)
  }

  /** Batches and clean-ups of the ledger, each a transaction of its own. */
  async runLedger(task: LedgerTask): Promise<LedgerDone> {
    const connection = await this.#driver.acquireConnection()
    try {
      return await connection.runLedger(task)
    } finally {
      await this.#driver.releaseConnection()
    }
  }

  createDriver(): Driver {
    return this.#driver
  }

  createQueryCompiler() {
    return new SqliteQueryCompiler()
  }

  createAdapter() {
    return new SqliteAdapter()
  }

  createIntrospector(db: Kysely<unknown>) {
    return new SqliteIntrospector(db)
  }
}

/** One connection, lent to one user at a time: transactions of two users must not mix. */
class SqliteThreadDriver implements Driver {
  readonly #connection: ThreadConnection
  #free: Promise<void> = Promise.resolve()
  #giveBack: () => void = () => {}

  constructor(file: string) {
    this.#connection = new ThreadConnection(file)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ThreadConnection> {
    const turn = this.#free
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#free = promise
    await turn
    this.#giveBack = resolve
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#giveBack()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {
    await this.#connection.close()
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #thread: Worker
  readonly #pending = new Map<number, PromiseWithResolvers<Answer>>()
  #nextId = 1
  #ended: Error | undefined

  constructor(file: string) {
    const script = import.meta.url.endsWith('.ts') ? './sqlite-thread.ts' : './sqlite-thread.js'
    this.#thread = new Worker(new URL(script, import.meta.url), {
      workerData: file,
      // A body of the longest that is described takes about a fifth of it at most.
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 },
    })
    this.#thread.on('message', (answer: Answer) => {
      this.#pending.get(answer.id)?.resolve(answer)
      this.#pending.delete(answer.id)
    })
    this.#thread.on('error', (error) => this.#fail(error))
    this.#thread.on('exit', () => this.#fail(new Error('The database thread has ended.')))
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const answer = await this.#ask({ id: this.#nextId++, sql, parameters })
    if (!('rows' in answer)) throw new Error('The database thread answered something else.')
    return { rows: answer.rows as R[], numAffectedRows: answer.changes, insertId: answer.insertId }
  }

  async runLedger(ledger: LedgerTask): Promise<LedgerDone> {
    const answer = await this.#ask({ id: this.#nextId++, ledger })
    if (!('done' in answer)) throw new Error('The database thread answered something else.')
    return answer.done
  }

  async #ask(query: Query | LedgerQuery): Promise<Exclude<Answer, { readonly error: string }>> {
    if (this.#ended) throw this.#ended
    const pending = Promise.withResolvers<Answer>()
    this.#pending.set(query.id, pending)
    this.#thread.postMessage(query)
    const answer = await pending.promise
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }

  streamQuery(): never {
    throw new Error('The SQLite thread does not stream rows; page through them with limit.')
  }

  async close(): Promise<void> {
    if (this.#ended) return
    const exit = once(this.#thread, 'exit')
    this.#thread.postMessage('close')
    await exit
  }

  #fail(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
