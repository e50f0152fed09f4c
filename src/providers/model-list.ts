import { asInferloomError, type InferloomError } from '../canonical/errors.ts'
import type { ModelInfo } from './provider.ts'

const hour = 3_600_000
const minute = 60_000
/** Models that are kept of one provider's list. */
const mostModels = 10_000

/** What is known of how a list was read. */
export interface ModelListState {
  /** When it was last read, in milliseconds since 1970; absent where it never was. */
  readonly readAt?: number
  /** Why it could not be read the last time it was tried. */
  readonly failure?: InferloomError
}

export interface ModelListOptions {
  readonly read: (signal: AbortSignal) => Promise<readonly ModelInfo[]>
  /** Known without asking. */
  readonly fixed: readonly ModelInfo[]
}

/** A provider's models, read in the background: requests never wait for it, and its failures fail none of them. */
export class ModelList {
  readonly #options: ModelListOptions
  readonly #closing = new AbortController()
  readonly #hourly: NodeJS.Timeout
  #models: readonly ModelInfo[]
  #ids: ReadonlySet<string>
  #state: ModelListState = {}
  #triedAt = -minute
  #running: Promise<void> | undefined

  constructor(options: ModelListOptions) {
    this.#options = options
    this.#models = options.fixed
    this.#ids = idsOf(options.fixed)
    this.#hourly = setInterval(() => this.#refresh(), hour)
    this.#hourly.unref()
    this.#refresh()
  }

  get models(): readonly ModelInfo[] {
    return this.#models
  }

  get state(): ModelListState {
    return this.#state
  }

  /** A model that is not listed may be new; the list is read again, but not more than once a minute. */
  asked(model: string): void {
    if (!this.#ids.has(model) && performance.now() - this.#triedAt >= minute) this.#refresh()
  }

  async close(): Promise<void> {
    clearInterval(this.#hourly)
    this.#closing.abort()
    await this.#running
  }

  #refresh(): void {
    if (this.#running) return
    this.#triedAt = performance.now()
    this.#running = this.#read().finally(() => (this.#running = undefined))
  }

  async #read(): Promise<void> {
    try {
      const listed = await this.#options.read(this.#closing.signal)
      const { fixed } = this.#options
      const known = idsOf(fixed)
      this.#models = [...fixed, ...listed.filter(({ id }) => !known.has(id)).slice(0, mostModels)]
      this.#ids = idsOf(this.#models)
      this.#state = { readAt: Date.now() }
    } catch (error) {
      this.#state = { ...this.#state, failure: asInferloomError(error) }
    }
  }
}

function idsOf(models: readonly ModelInfo[]): ReadonlySet<string> {
  return new Set(models.map(({ id }) => id))
}
