import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { ToldCost, Usage } from '../canonical/usage.ts'
import type { Cost, Prices } from '../catalog/price.ts'
import type { RelayChunk } from '../providers/provider.ts'
import type { LedgerEntry } from '../storage/ledger/ledger-batch.ts'
import type { AnswerCache, AnswerSummary, CacheOutcome } from './cache/answer-cache.ts'
import { localCaller } from './caller.ts'
import { limitOf, type Limit } from './deadline.ts'
import { refuseOthers } from './keys/allowed-models.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Admission, Admitted } from './limits/admission.ts'
import { estimateInput } from './limits/estimate.ts'
import type { Served } from './models.ts'
import type { RequestContext } from './pipeline.ts'
import type { CacheMarks } from './prompt/cache-marks.ts'
import type { PromptPolicies, Shaped } from './prompt/prompt-policy.ts'
import type { LostAttempt as LostTry, Won } from './routing/attempt.ts'
import type { Attempts } from './routing/attempts.ts'
import { planReport } from './routing/plan-report.ts'
import type { Plan, Planner } from './routing/plan.ts'
import type { Histogram } from './telemetry/histogram.ts'
import type { TraceContext } from './telemetry/trace-context.ts'
import type { Timekeeper } from './timekeeper.ts'
import { Timings } from './timings.ts'

const nothingUsed: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } }

/** Sees what a request leaves in the ledger, how long its pieces came after each other, and its place in a trace. */
export type RequestWatcher = (
  entry: LedgerEntry,
  more: { readonly gaps: Histogram | undefined; readonly trace: TraceContext | undefined },
) => void

/** What every request passes on its way, whichever lane it takes. */
export interface Steps {
  readonly planner: Pick<Planner, 'plan'>
  readonly admission: Admission
  /** Absent where nothing is kept. */
  readonly cache?: AnswerCache
  /** Absent where prompts are sent as they are. */
  readonly prompts?: PromptPolicies
  /** Absent where providers are not asked to keep prompts. */
  readonly cacheMarks?: CacheMarks
  readonly attempts: Attempts
  /** Told of the headers with which an answer that is passed on begins. */
  readonly replied?: (served: Served, headers: Readonly<Record<string, string>>) => void
  /** Absent where nobody knows what answers cost. */
  readonly prices: Prices | undefined
  readonly ledger: Ledger
  /** Absent: the machine's own. */
  readonly timekeeper?: Timekeeper
  /** Told of every request that ends. */
  readonly watchers?: readonly RequestWatcher[]
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
  /** Whether it was answered from what was kept. */
  #isKept = false
  /** US dollars that tries cost which came to nothing. */
  #lostCost = 0
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

  /** For one try at a provider: aborted with `signal`, and at the deadline where the provider does not plan by it. */
  signalFor({ provider }: Served, signal: AbortSignal): AbortSignal {
    if (this.#context.deadlineMs === undefined || provider.plansDeadlines === true) return signal
    this.#limit ??= limitOf(this.#context, provider, this.#steps.timekeeper)
    return signal === this.#context.signal ? this.#limit.signal : AbortSignal.any([signal, this.#limit.signal])
  }

  /** Asks for room, by what its likeliest candidate takes. A promise only where the request has to wait for its turn, or for the list of prices. */
  admit(plan: Plan): Promise<void> | undefined {
    const { route, candidates } = plan
    const [first] = candidates
    if (plan.route !== undefined) this.timings.plan = planReport(plan)
    if (!first) throw new InferloomError('internal_error', 'A plan has no candidates.')
    const { served } = first
    if (route === undefined) refuseOthers(this.#context.caller ?? localCaller, this.#model, served)
    const { prices } = this.#steps
    let loading: Promise<unknown> | undefined
    for (const { served } of candidates) {
      const more = prices?.prepare(served.provider.name)
      if (more) loading = loading ? Promise.all([loading, more]) : more
    }
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
    if (admitted instanceof Promise) return admitted.then((each) => this.#begin(each))
    this.#begin(admitted)
  }

  /** A candidate is asked now, and may take this machine's time. */
  asks({ provider }: Served): void {
    if (provider.name === 'local') this.#machineFrom ??= this.#steps.prices?.machine.begin(performance.now())
  }

  /** A try came to nothing. */
  lost(attempt: LostTry): void {
    const { timings } = this
    const { candidate, startedAt, sent, ended } = attempt
    // What was cancelled when it had read its prompt is to be paid all the same.
    const cost = sent && ended === 'cancelled' ? this.#costOfPrompt(candidate.served) : undefined
    timings.lost.push({ ...attempt, cost })
    timings.servedBy(candidate.served)
    if (sent) timings.sent(startedAt)
    this.#lostCost += cost ?? 0
  }

  /** A try became the answer; nothing of it was delivered yet. */
  won(
    { route, objective, why }: Plan,
    { candidate, number, startedAt }: Pick<Won<unknown>, 'candidate' | 'number' | 'startedAt'>,
  ): void {
    const { timings } = this
    const { served, id } = candidate
    this.#served = served
    timings.won = { number, startedAt }
    timings.servedBy(
      served,
      timings.lost.length === 0 ? (why ?? served.why) : `asked after ${timings.lost.length} that failed`,
    )
    timings.sent(startedAt)
    if (route === undefined && timings.lost.length === 0) return
    this.#context.announcer?.chosen({ id, route, objective, attempts: timings.lost.length + 1 })
  }

  /** What the caches said; told before anything is delivered. */
  cached(outcome: CacheOutcome): void {
    this.timings.cache = outcome
    if (outcome !== 'miss' && outcome !== 'off') this.timings.begins(performance.now())
    this.#context.announcer?.cached(outcome)
  }

  /** The answer was given before, or to somebody else: nobody pays for it again. */
  kept(summary: AnswerSummary): void {
    this.timings.kept(summary)
    this.#isKept = true
  }

  /** Its prompt was made shorter before it was sent. */
  shortened(removed: Shaped['removed']): void {
    this.timings.removedTokens = removed.reduce((sum, { tokens }) => sum + tokens, 0)
    this.#context.announcer?.shortened(removed)
  }

  /** How the try that began at a time ended, for those who learn from it. */
  ended(startedAt: number): Parameters<Won<unknown>['end']>[0] {
    const { usage, error, firstAt } = this.timings
    const ttftMs = firstAt === undefined ? undefined : firstAt - startedAt
    return { usage, error, ttftMs, left: error?.code === 'client_closed' }
  }

  /** What the ledger keeps of the answer, whoever it is delivered to. */
  summary(): AnswerSummary {
    const { usage, finishReason, answeredBy } = this.timings
    const { provider, model } = this.#served ?? {}
    return { usage, finishReason, provider: provider?.name ?? '', model: model ?? '', answeredBy }
  }

  /** Sees what goes to the client, and says at its end what it cost. */
  observe(events: readonly StreamEvent[], at: number): readonly StreamEvent[] {
    this.timings.observe(events, at)
    const last = events.at(-1)
    const cost = last?.type === 'finish' ? this.told() : undefined
    if (last?.type !== 'finish' || cost === undefined) return events
    return [...events.slice(0, -1), { ...last, usage: { ...last.usage, cost } }]
  }

  /** Sees bytes on their way; returns what the answer cost where they end it. */
  see(chunk: RelayChunk): ToldCost | undefined {
    this.timings.see(chunk)
    return chunk.usage && this.timings.isFinishing ? this.told() : undefined
  }

  /** In US dollars; undefined where nobody knows prices. */
  told(): ToldCost | undefined {
    if (!this.#steps.prices) return undefined
    return this.#isKept ? 'kept' : (this.#total() ?? 'unknown')
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
    timings.cost = this.#costOfAll()
    const usage = this.#isKept ? nothingUsed : timings.usage
    this.#admitted?.settle({ usage, cost: timings.cost?.usd, error: timings.error })
    const entry = timings.entry()
    for (const watch of watchers) watch(entry, { gaps: timings.gaps, trace: this.#context.trace })
    ledger.record(entry)
  }

  #begin(admitted: Admitted): void {
    this.#admitted = admitted
    if (admitted.standing) this.#context.announcer?.standing(admitted.standing)
  }

  #machineTime(): number {
    if (this.#machineFrom === undefined) return 0
    return (this.#machineMs ??= this.#steps.prices?.machine.end(this.#machineFrom, performance.now()) ?? 0)
  }

  /** In US dollars, with what came to nothing. */
  #total(): number | undefined {
    const usd = this.#cost()?.usd
    return usd === undefined ? undefined : usd + this.#lostCost
  }

  #costOfAll(): Cost | undefined {
    if (this.#isKept) return this.#steps.prices && { usd: 0, price: 'answered before' }
    const cost = this.#cost()
    if (this.#lostCost === 0) return cost
    // Nothing was answered, or nobody knows what the answer cost; what was lost is known all the same.
    if (!cost) return this.timings.usage ? undefined : { usd: this.#lostCost, price: 'tries that were cancelled' }
    return { usd: cost.usd + this.#lostCost, price: cost.price }
  }

  #costOfPrompt({ provider, model }: Served): number | undefined {
    const usage = {
      inputTokens: { total: estimateInput(this.#context.text), cacheRead: 0 },
      outputTokens: { total: 0, reasoning: 0 },
    }
    return this.#steps.prices?.cost({ provider: provider.name, model, usage, at: Date.now() })?.usd
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
