import { asInferloomError, InferloomError } from '../../canonical/errors.ts'
import type { ServiceTier } from '../../canonical/request.ts'
import { Attempt, type AttemptParts, type Begin, type LostAttempt, type Won } from './attempt.ts'
import type { Hedging } from './hedging.ts'
import type { Plan, Planned } from './plan.ts'
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

export interface AttemptsParts extends AttemptParts {
  readonly retries: Retries
  readonly hedging: Hedging
}

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
        if (delayMs === undefined) {
          return await new Attempt<Begun>(this.#parts, asked, candidate, run.number).send(
            begin,
            signal,
            run.isLast,
            run,
          )
        }
        return await this.#hedged(run, delayMs, asked, begin, discard)
      } catch (thrown) {
        if (signal.aborted) throw thrown
        const waitMs = run.failed(asInferloomError(thrown), asked.deadlineAt)
        if (waitMs > 0) await this.#wait(waitMs, signal)
      }
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
    const isForced = asked.plan.candidates.length === 1
    const runs: Running<Begun>[] = []
    const start = ({ candidate, number }: { candidate: Planned; number: number }, sent: { wasSent: boolean }) => {
      const controller = new AbortController()
      const signal = AbortSignal.any([asked.signal, controller.signal])
      const attempt = new Attempt<Begun>(this.#parts, asked, candidate, number)
      const promise = attempt.send(begin, signal, isForced, sent)
      // Whoever loses is looked at below.
      promise.catch(() => {})
      runs.push({ attempt, controller, promise })
      return promise
    }
    const firstRun = start(run, run)
    const beside = { wasSent: false }
    const stopped = Promise.withResolvers<undefined>()
    const cancel = timekeeper.after(delayMs, () => stopped.resolve(undefined))
    try {
      const early = await Promise.race([firstRun, stopped.promise])
      if (early || !hedging.take()) return early ?? (await firstRun)
      const second = run.beside()
      void start(second, beside)
      const first = await Promise.any(runs.map((run) => run.promise.then((won) => ({ won, run }))))
      for (const run of runs) {
        if (run === first.run) continue
        run.attempt.lose()
        run.controller.abort(new InferloomError('client_closed', 'Another candidate answered first.'))
        // It may have failed already, which its own try has told.
        void run.promise.then((late) => {
          discard(late.begun)
          late.end({ left: true })
        }, ignore)
      }
      const { won } = first
      if (won.number === second.number) hedging.won()
      return won
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error
      run.besideFailed(asInferloomError(error.errors[1]), beside.wasSent)
      throw error.errors[0]
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

interface Running<Begun> {
  readonly attempt: Attempt<Begun>
  readonly controller: AbortController
  readonly promise: Promise<Attempt<Begun>>
}

const ignore = () => {}
