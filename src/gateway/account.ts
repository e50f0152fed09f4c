import { asInferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Cost, Prices } from '../catalog/price.ts'
import type { RelayChunk } from '../providers/provider.ts'
import type { LedgerEntry } from '../storage/ledger/ledger-batch.ts'
import { localCaller } from './caller.ts'
import { limitOf, type Limit } from './deadline.ts'
import { refuseOthers } from './keys/allowed-models.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Admission, Admitted } from './limits/admission.ts'
import type { Served } from './models.ts'
import type { RequestContext } from './pipeline.ts'
import type { Histogram } from './telemetry/histogram.ts'
import type { TraceContext } from './telemetry/trace-context.ts'
import { Timings } from './timings.ts'

/** Sees what a request leaves in the ledger, how long its pieces came after each other, and its place in a trace. */
export type RequestWatcher = (
  entry: LedgerEntry,
  more: { readonly gaps: Histogram | undefined; readonly trace: TraceContext | undefined },
) => void

/** What every request passes on its way, whichever lane it takes. */
export interface Steps {
  readonly admission: Admission
  /** Absent where nobody knows what answers cost. */
  readonly prices: Prices | undefined
  readonly ledger: Ledger
  /** Told of every request that ends. */
  readonly watchers?: readonly RequestWatcher[]
  /** Told of the headers with which an answer that is passed on begins. */
  readonly replied?: (served: Served, headers: Readonly<Record<string, string>>) => void
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
  /** Of a local model: when its share of the machine's time began, and how long it was. */
  #machineFrom: number | undefined
  #machineMs: number | undefined
  /** The last cost, and of what: the client is told, and then the ledger. */
  #priced:
    | { readonly usage: Usage; readonly answeredBy: string | undefined; readonly cost: Cost | undefined }
    | undefined

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

  /** Asks for room. A promise only where the request has to wait for its turn, or for the list of prices. */
  admit(served: Served): Promise<void> | undefined {
    refuseOthers(this.#context.caller ?? localCaller, this.#model, served)
    const loading = this.#steps.prices?.prepare(served.provider.name)
    return loading ? loading.then(() => this.#admit(served)) : this.#admit(served)
  }

  #admit(served: Served): Promise<void> | undefined {
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

  /** Sees what goes to the client, and says at its end what it cost. */
  observe(events: readonly StreamEvent[]): readonly StreamEvent[] {
    this.timings.observe(events)
    const last = events.at(-1)
    const cost = last?.type === 'finish' ? this.told() : undefined
    if (last?.type !== 'finish' || cost === undefined) return events
    return [...events.slice(0, -1), { ...last, usage: { ...last.usage, cost } }]
  }

  /** Sees bytes on their way; returns what the answer cost where they end it. */
  see(chunk: RelayChunk): number | 'unknown' | undefined {
    this.timings.see(chunk)
    return chunk.usage && this.timings.isFinishing ? this.told() : undefined
  }

  /** In US dollars; undefined where nobody knows prices. */
  told(): number | 'unknown' | undefined {
    return this.#steps.prices && (this.#cost()?.usd ?? 'unknown')
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
    const { ledger, watchers = [] } = this.#steps
    this.#limit?.end()
    timings.cost = this.#cost()
    this.#admitted?.settle({ usage: timings.usage, cost: timings.cost?.usd, error: timings.error })
    const entry = timings.entry()
    for (const watch of watchers) watch(entry, { gaps: timings.gaps, trace: this.#context.trace })
    ledger.record(entry)
  }

  #begin(admitted: Admitted, served: Served): void {
    this.#admitted = admitted
    this.#served = served
    if (admitted.standing) this.#context.admitted?.(admitted.standing)
    this.timings.servedBy(served)
    this.timings.sent()
    this.#limit = limitOf(this.#context, served.provider)
    if (served.provider.name === 'local') this.#machineFrom = this.#steps.prices?.machine.begin(performance.now())
  }

  #machineTime(): number {
    if (this.#machineFrom === undefined) return 0
    return (this.#machineMs ??= this.#steps.prices?.machine.end(this.#machineFrom, performance.now()) ?? 0)
  }

  #cost(): Cost | undefined {
    const { usage, answeredBy } = this.timings
    const machineMs = this.#machineTime()
    const served = this.#served
    if (!served || !usage) return undefined
    if (this.#priced?.usage === usage && this.#priced.answeredBy === answeredBy) return this.#priced.cost
    const { receivedAt } = this.#context
    const at = Math.round(Date.now() - performance.now() + receivedAt)
    const { provider, model } = served
    const cost = this.#steps.prices?.cost({ provider: provider.name, model, answeredBy, usage, at, machineMs })
    this.#priced = { usage, answeredBy, cost }
    return cost
  }
}
