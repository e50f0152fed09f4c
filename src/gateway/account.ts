import { asInferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Cost, Prices } from '../catalog/price.ts'
import { localCaller } from './caller.ts'
import { limitOf, type Limit } from './deadline.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Admission, Admitted } from './limits/admission.ts'
import type { Served } from './models.ts'
import type { RequestContext } from './pipeline.ts'
import { Timings } from './timings.ts'

/** What every request passes on its way, whichever lane it takes. */
export interface Steps {
  readonly admission: Admission
  /** Absent where nobody knows what answers cost. */
  readonly prices: Prices | undefined
  readonly ledger: Ledger
}

/** One request from its arrival to its row in the ledger: what was set aside for it, what it took, and what it cost. */
export class Account {
  readonly timings: Timings
  readonly #steps: Steps
  readonly #model: string
  readonly #context: RequestContext
  #served: Served | undefined
  #admitted: Admitted | undefined
  #limit: Limit | undefined

  constructor(steps: Steps, model: string, context: RequestContext) {
    this.#steps = steps
    this.#model = model
    this.#context = context
    this.timings = new Timings(model, context, steps.ledger.contentOf(context.text))
  }

  /** Aborted when the client leaves, the server ends, or the deadline passes. */
  get signal(): AbortSignal {
    return this.#limit?.signal ?? this.#context.signal
  }

  /** Asks for room. A promise only where the request has to wait for its turn. */
  admit(served: Served): Promise<void> | undefined {
    const { caller = localCaller, text, maxOutputTokens, receivedAt, deadlineMs, signal } = this.#context
    const admitted = this.#steps.admission.admit({
      caller,
      model: this.#model,
      served,
      signal,
      body: text,
      maxOutputTokens,
      deadlineAt: deadlineMs === undefined ? undefined : receivedAt + deadlineMs,
    })
    if (admitted instanceof Promise) return admitted.then((each) => this.#begin(each, served))
    this.#begin(admitted, served)
  }

  /** Sees what goes to the client. */
  observe(events: readonly StreamEvent[]): readonly StreamEvent[] {
    this.timings.observe(events)
    return events
  }

  /** Keeps what went wrong, and returns it to be thrown. */
  failed(thrown: unknown): unknown {
    // What the provider said itself says more than that nothing came after it.
    this.timings.error ??= asInferloomError(thrown)
    return thrown
  }

  /** Also when the reader stops early: a request that was left gives back what it did not take, and has its row. */
  close(): void {
    const { timings } = this
    const { ledger } = this.#steps
    this.#limit?.end()
    timings.cost = this.#cost()
    this.#admitted?.settle({ usage: timings.usage, cost: timings.cost?.usd, error: timings.error })
    ledger.record(timings.entry())
  }

  #begin(admitted: Admitted, served: Served): void {
    this.#admitted = admitted
    this.#served = served
    if (admitted.standing) this.#context.admitted?.(admitted.standing)
    this.timings.servedBy(served)
    this.timings.sent()
    this.#limit = limitOf(this.#context, served.provider)
  }

  #cost(): Cost | undefined {
    const { usage, answeredBy } = this.timings
    const served = this.#served
    if (!served || !usage) return undefined
    const { receivedAt } = this.#context
    const at = Math.round(Date.now() - performance.now() + receivedAt)
    return this.#steps.prices?.cost({ provider: served.provider.name, model: served.model, answeredBy, usage, at })
  }
}
