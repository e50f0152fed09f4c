import { asInferloomError, InferloomError } from '../../canonical/errors.ts'
import type { ServiceTier } from '../../canonical/request.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Pacer, Pass } from '../queue/pacer.ts'
import type { Timekeeper } from '../timekeeper.ts'
import type { Health, Watch } from './health.ts'
import type { Hedging } from './hedging.ts'
import type { AttemptOutcome, Candidate, Plan, Planned } from './plan.ts'
import type { Retries, RetryRun } from './retries.ts'

export interface AttemptsAsked {
  readonly plan: Plan
  /** Estimates. */
  readonly promptTokens: number
  readonly outputTokens: number
  readonly tier: ServiceTier
  /** `now()` of the timekeeper by which the whole answer is wanted. */
  readonly deadlineAt: number | undefined
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal
  /** Told of every try that did not become the answer, when it ends. */
  readonly account?: { lost(attempt: LostAttempt): void }
}

/** A try that came to nothing. */
export interface LostAttempt {
  readonly candidate: Planned
  /** From 1 on. */
  readonly number: number
  readonly startedAt: number
  readonly endedAt: number
  readonly error: InferloomError | undefined
  readonly ended: AttemptOutcome['ended']
  /** Whether its provider saw anything of it. */
  readonly sent: boolean
}

/** A try that became the answer: it is open until the answer is over. */
export interface Won<Begun> {
  readonly candidate: Planned
  readonly begun: Begun
  readonly number: number
  readonly startedAt: number
  /** Once, when the answer is over. */
  end(result: {
    readonly usage?: Usage | undefined
    readonly error?: unknown
    /** Milliseconds from sending to the first content. */
    readonly ttftMs?: number | undefined
    /** Whether the client left before the end. */
    readonly left?: boolean
  }): void
  /** The headers of the answer, for what they say of limits. */
  observe(headers: Readonly<Record<string, string>>): void
}

export interface AttemptsParts {
  readonly timekeeper: Timekeeper
  readonly health: Health
  /** Absent where nobody is held back. */
  readonly pacer?: Pacer
  readonly retries: Retries
  readonly hedging: Hedging
  /** Told of every try that begins to answer, after so many milliseconds. */
  readonly began: (candidate: Planned, ttftMs: number) => void
  /** Told of every try that was sent. */
  readonly learn: (candidate: Candidate, outcome: AttemptOutcome) => void
}

type Begin<Begun> = (candidate: Planned, signal: AbortSignal) => Promise<Begun>

/** Asks one candidate after the other until one has begun to answer. */
export class Attempts {
  readonly #parts: AttemptsParts

  constructor(parts: AttemptsParts) {
    this.#parts = parts
  }

  /**
   * `begin` resolves when there is content, so that whatever goes wrong before can be tried again unseen; after that
   * nothing is. Rejects with the most telling error. `discard` is given an answer that began too late.
   */
  async run<Begun>(asked: AttemptsAsked, begin: Begin<Begun>, discard: (begun: Begun) => void): Promise<Won<Begun>> {
    const { retries, hedging } = this.#parts
    const { plan, signal } = asked
    const run = retries.begin(plan)
    for (;;) {
      const candidate = run.candidate
      try {
        const delayMs = run.number === 1 && plan.reliability?.hedge === true ? hedging.delayMs(candidate) : undefined
        if (delayMs === undefined) return await this.#try(candidate, run.number, asked, begin, signal, run.isLast, run)
        return await this.#hedged(run, delayMs, asked, begin, discard)
      } catch (thrown) {
        if (signal.aborted) throw thrown
        const waitMs = run.failed(asInferloomError(thrown), asked.deadlineAt)
        if (waitMs > 0) await this.#wait(waitMs, signal)
      }
    }
  }

  /** One try at one candidate. */
  async #try<Begun>(
    candidate: Planned,
    number: number,
    asked: AttemptsAsked,
    begin: Begin<Begun>,
    signal: AbortSignal,
    isForced: boolean,
    run?: RetryRun,
  ): Promise<Won<Begun>> {
    const { timekeeper, pacer, health } = this.#parts
    let startedAt = timekeeper.now()
    let pass: Pass | undefined
    let watch: Watch | undefined
    const firstContentMs = isForced ? undefined : asked.plan.reliability?.firstContentMs
    try {
      // Where nobody else can be asked, one that fails often is better than nobody.
      if (!isForced && !health.allows(candidate)) throw setAside(candidate)
      if (pacer) {
        const entered = pacer.enter({
          candidate,
          promptTokens: asked.promptTokens,
          outputTokens: asked.outputTokens,
          tier: asked.tier,
          deadlineAt: asked.deadlineAt,
          expectedMs: candidate.prediction?.latencyP90Ms,
          canMoveOn: !isForced,
          signal,
        })
        pass = entered instanceof Promise ? await entered : entered
      }
      watch = health.begin(candidate, isForced)
      if (!watch) throw setAside(candidate)
      startedAt = timekeeper.now()
      if (run) run.wasSent = true
      const begun =
        firstContentMs === undefined
          ? await begin(candidate, signal)
          : await this.#within(firstContentMs, candidate, begin, signal)
      this.#parts.began(candidate, timekeeper.now() - startedAt)
      return new WonTry(this.#parts, { candidate, begun, number, startedAt, pass, watch, signal: asked.signal })
    } catch (thrown) {
      const error = asInferloomError(thrown)
      const outcome = { ended: endOf(error, signal), totalMs: timekeeper.now() - startedAt, ...nothing }
      pass?.settle({ error: watch ? error : undefined })
      watch?.ended(outcome)
      if (watch) this.#parts.learn(candidate, outcome)
      const { ended } = outcome
      const endedAt = timekeeper.now()
      asked.account?.lost({ candidate, number, startedAt, endedAt, error, ended, sent: watch !== undefined })
      throw thrown
    }
  }

  /** A first try, and a second one beside it where the first takes longer than usual; whichever begins first wins. */
  async #hedged<Begun>(
    run: RetryRun,
    delayMs: number,
    asked: AttemptsAsked,
    begin: Begin<Begun>,
    discard: (begun: Begun) => void,
  ): Promise<Won<Begun>> {
    const { timekeeper, hedging } = this.#parts
    const { number } = run
    const { candidates } = asked.plan
    const { candidate } = run
    // The same one again where there is no other.
    const second =
      candidates[candidates.indexOf(candidate) + 1] ?? candidates.find((each) => each !== candidate) ?? candidate
    const runs: { readonly controller: AbortController; readonly promise: Promise<Won<Begun>> }[] = []
    const start = (candidate: Planned, number: number) => {
      const controller = new AbortController()
      const signal = AbortSignal.any([asked.signal, controller.signal])
      const promise = this.#try(candidate, number, asked, begin, signal, candidates.length === 1, run)
      // Whoever loses is looked at below.
      promise.catch(() => {})
      runs.push({ controller, promise })
      return promise
    }
    const firstRun = start(candidate, number)
    const stopped = Promise.withResolvers<undefined>()
    const cancel = timekeeper.after(delayMs, () => stopped.resolve(undefined))
    try {
      const early = await Promise.race([firstRun, stopped.promise])
      if (early || !hedging.take()) return early ?? (await firstRun)
      void start(second, number + 1)
      const first = await Promise.any(runs.map((run) => run.promise.then((won) => ({ won, run }))))
      for (const run of runs) {
        if (run === first.run) continue
        run.controller.abort(new InferloomError('client_closed', 'Another candidate answered first.'))
        // It may have failed already, which its own try has told.
        void run.promise.then((late) => {
          discard(late.begun)
          late.end({ left: true })
        }, ignore)
      }
      const { won } = first
      hedging.ended(won.number === number ? 'lost' : 'won')
      return won
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error
    } finally {
      cancel()
    }
  }

  async #within<Begun>(
    milliseconds: number,
    candidate: Planned,
    begin: Begin<Begun>,
    signal: AbortSignal,
  ): Promise<Begun> {
    const controller = new AbortController()
    const message = `${candidate.id} did not begin to answer within ${milliseconds} milliseconds, which its route allows.`
    const cancel = this.#parts.timekeeper.after(milliseconds, () =>
      controller.abort(new InferloomError('provider_timeout', message)),
    )
    try {
      return await begin(candidate, AbortSignal.any([signal, controller.signal]))
    } finally {
      cancel()
    }
  }

  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = this.#parts.timekeeper.after(milliseconds, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }
}

interface Open<Begun> {
  readonly candidate: Planned
  readonly begun: Begun
  readonly number: number
  readonly startedAt: number
  readonly pass: Pass | undefined
  readonly watch: Watch
  readonly signal: AbortSignal
}

class WonTry<Begun> implements Won<Begun> {
  readonly candidate: Planned
  readonly begun: Begun
  readonly number: number
  readonly startedAt: number
  readonly #parts: AttemptsParts
  readonly #pass: Pass | undefined
  readonly #watch: Watch
  readonly #signal: AbortSignal

  constructor(parts: AttemptsParts, { candidate, begun, number, startedAt, pass, watch, signal }: Open<Begun>) {
    this.candidate = candidate
    this.begun = begun
    this.number = number
    this.startedAt = startedAt
    this.#parts = parts
    this.#pass = pass
    this.#watch = watch
    this.#signal = signal
  }

  end({ usage, error, ttftMs, left }: Parameters<Won<Begun>['end']>[0]): void {
    const { timekeeper, learn } = this.#parts
    const known = error === undefined ? undefined : asInferloomError(error)
    const outcome: AttemptOutcome = {
      promptTokens: usage?.inputTokens.total,
      outputTokens: usage?.outputTokens.total,
      ttftMs,
      totalMs: timekeeper.now() - this.startedAt,
      ended: left === true ? 'cancelled' : known ? endOf(known, this.#signal) : 'ok',
    }
    this.#pass?.settle({ usage, error: known })
    this.#watch.ended(outcome)
    learn(this.candidate, outcome)
  }

  observe(headers: Readonly<Record<string, string>>): void {
    this.#parts.pacer?.observe(this.candidate, headers)
  }
}

const nothing = { promptTokens: undefined, outputTokens: undefined, ttftMs: undefined }
const ignore = () => {}

/** Whose fault it was. */
function endOf(error: InferloomError, signal: AbortSignal): AttemptOutcome['ended'] {
  if (signal.aborted || error.code === 'client_closed' || error.code === 'shutting_down') return 'cancelled'
  const { status } = error.kind
  // A limit says nothing of how a candidate is: whoever paces learns from it.
  if (status === 429) return 'refused'
  return status >= 500 || error.kind.retryable || error.fault?.status === 401 ? 'failed' : 'refused'
}

function setAside({ id }: Candidate): InferloomError {
  const message = `${id} failed too often lately and is left alone for a while. Remedy: try again later, or use another model.`
  return new InferloomError('provider_overloaded', message, { retryAfterSeconds: 5 })
}
