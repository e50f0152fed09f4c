import { asInferloomError, InferloomError } from '../../canonical/errors.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { Pacer, Pass } from '../queue/pacer.ts'
import type { Timekeeper } from '../timekeeper.ts'
import type { AttemptsAsked } from './attempts.ts'
import type { Health, Watch } from './health.ts'
import type { AttemptOutcome, Candidate, Planned } from './plan.ts'

export type Begin<Begun> = (candidate: Planned, signal: AbortSignal) => Promise<Begun>

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

export interface AttemptParts {
  readonly timekeeper: Timekeeper
  readonly health: Health
  /** Absent where nobody is held back. */
  readonly pacer?: Pacer
  /** Told of every try that begins to answer, after so many milliseconds. */
  readonly began: (candidate: Planned, ttftMs: number) => void
  /** Told of every try that was sent. */
  readonly learn: (candidate: Candidate, outcome: AttemptOutcome) => void
}

/** One try at one candidate. */
export class Attempt<Begun> implements Won<Begun> {
  readonly candidate: Planned
  readonly number: number
  startedAt: number
  readonly #parts: AttemptParts
  readonly #asked: AttemptsAsked
  #begun: { readonly value: Begun } | undefined
  #pass: Pass | undefined
  #watch: Watch | undefined
  #isLost = false

  constructor(parts: AttemptParts, asked: AttemptsAsked, candidate: Planned, number: number) {
    this.#parts = parts
    this.#asked = asked
    this.candidate = candidate
    this.number = number
    this.startedAt = parts.timekeeper.now()
  }

  get begun(): Begun {
    if (!this.#begun) throw new InferloomError('internal_error', 'An attempt was taken for an answer too early.')
    return this.#begun.value
  }

  /** Resolves when there is content. `isForced` where nobody else can be asked, so that it is asked however it is; `sent` is told. */
  async send(begin: Begin<Begun>, signal: AbortSignal, isForced: boolean, sent: { wasSent: boolean }): Promise<this> {
    const { timekeeper, health, began } = this.#parts
    const { candidate } = this
    const firstContentMs = isForced ? undefined : this.#asked.plan.reliability?.firstContentMs
    try {
      // Where nobody else can be asked, one that fails often is better than nobody.
      if (!isForced && !health.allows(candidate)) throw setAside(candidate)
      const entered = this.#enter(signal, isForced)
      this.#pass = entered instanceof Promise ? await entered : entered
      this.#watch = health.begin(candidate, isForced)
      if (!this.#watch) throw setAside(candidate)
      this.startedAt = timekeeper.now()
      sent.wasSent = true
      const begun =
        firstContentMs === undefined
          ? await begin(candidate, signal)
          : await this.#within(firstContentMs, begin, signal)
      this.#begun = { value: begun }
      began(candidate, timekeeper.now() - this.startedAt)
      return this
    } catch (thrown) {
      const error = asInferloomError(thrown)
      const ended = endOf(error, signal)
      const watch = this.#watch
      this.#pass?.settle({ error, wasSent: watch !== undefined })
      if (watch) this.#close(watch, { ended, totalMs: timekeeper.now() - this.startedAt, ...nothing })
      this.#tellLost(error, ended)
      throw thrown
    }
  }

  /** Another one became the answer. Told at once: the account of the request may be closed before this one has ended. */
  lose(): void {
    this.#tellLost(undefined, 'cancelled')
  }

  end({ usage, error, ttftMs, left }: Parameters<Won<Begun>['end']>[0]): void {
    const known = error === undefined ? undefined : asInferloomError(error)
    this.#pass?.settle({ usage, error: known })
    if (!this.#watch) return
    this.#close(this.#watch, {
      promptTokens: usage?.inputTokens.total,
      outputTokens: usage?.outputTokens.total,
      ttftMs,
      totalMs: this.#parts.timekeeper.now() - this.startedAt,
      ended: left === true ? 'cancelled' : known ? endOf(known, this.#asked.signal) : 'ok',
    })
  }

  observe(headers: Readonly<Record<string, string>>): void {
    this.#parts.pacer?.observe(this.candidate, headers)
  }

  #enter(signal: AbortSignal, isForced: boolean): Pass | Promise<Pass> | undefined {
    const { candidate } = this
    const { promptTokens, outputTokens, tier, deadlineAt } = this.#asked
    return this.#parts.pacer?.enter({
      candidate,
      promptTokens,
      outputTokens,
      tier,
      deadlineAt,
      expectedMs: candidate.prediction?.latencyP90Ms,
      canMoveOn: !isForced,
      signal,
    })
  }

  #close(watch: Watch, outcome: AttemptOutcome): void {
    watch.ended(outcome)
    this.#parts.learn(this.candidate, outcome)
  }

  #tellLost(error: InferloomError | undefined, ended: AttemptOutcome['ended']): void {
    if (this.#isLost) return
    this.#isLost = true
    const { candidate, number, startedAt } = this
    const endedAt = this.#parts.timekeeper.now()
    this.#asked.account?.lost({ candidate, number, startedAt, endedAt, error, ended, sent: this.#watch !== undefined })
  }

  async #within(milliseconds: number, begin: Begin<Begun>, signal: AbortSignal): Promise<Begun> {
    const controller = new AbortController()
    const message = `${this.candidate.id} did not begin to answer within ${milliseconds} milliseconds, which its route allows.`
    const cancel = this.#parts.timekeeper.after(milliseconds, () =>
      controller.abort(new InferloomError('provider_timeout', message)),
    )
    try {
      return await begin(this.candidate, AbortSignal.any([signal, controller.signal]))
    } finally {
      cancel()
    }
  }
}

const nothing = { promptTokens: undefined, outputTokens: undefined, ttftMs: undefined }

/** Whose fault it was. */
function endOf(error: InferloomError, signal: AbortSignal): AttemptOutcome['ended'] {
  if (signal.aborted || error.code === 'client_closed' || error.code === 'shutting_down') return 'cancelled'
  if (error.kind.status === 429) return 'limited'
  return isItsFault(error) ? 'failed' : 'refused'
}

/** Whether it is the candidate that does not answer, and not the request that cannot be answered. */
export function isItsFault({ kind, fault }: InferloomError): boolean {
  // A limit says nothing of how a candidate is: whoever paces learns from it.
  if (kind.status === 429) return false
  return kind.status >= 500 || kind.retryable || fault?.status === 401
}

function setAside({ id }: Candidate): InferloomError {
  const message = `${id} failed too often lately and is left alone for a while. Remedy: try again later, or use another model.`
  return new InferloomError('provider_overloaded', message, { retryAfterSeconds: 5 })
}
