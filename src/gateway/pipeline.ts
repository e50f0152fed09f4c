import { asInferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Models } from './models.ts'
import { Timings } from './timings.ts'

/** What came with a request beside its body. */
export interface RequestContext {
  readonly id: string
  readonly dialect: string
  readonly stream: boolean
  /** `performance.now()` when the request was received. */
  readonly receivedAt: number
  /** Aborted when the client leaves or the server ends. */
  readonly signal: AbortSignal
}

/** The path of one request, from its canonical form to its events. */
export class Pipeline {
  readonly #models: Models
  readonly #ledger: Ledger

  constructor(models: Models, ledger: Ledger) {
    this.#models = models
    this.#ledger = ledger
  }

  async *run(request: GenerateRequest, context: RequestContext): AsyncGenerator<readonly StreamEvent[]> {
    const timings = new Timings(request.model, context)
    try {
      const { provider } = this.#models.find(request.model)
      timings.provider = provider.name
      for await (const events of provider.generate(request, context.signal)) {
        timings.observe(events)
        yield events
      }
    } catch (error) {
      timings.error = asInferloomError(error)
      throw error
    } finally {
      // Also when the reader stops early: `finally` runs on return() too, so a request that was left has its row.
      this.#ledger.record(timings.row())
    }
  }
}
