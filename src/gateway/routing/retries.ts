import type { ErrorCode, InferloomError } from '../../canonical/errors.ts'
import type { Timekeeper } from '../timekeeper.ts'
import type { Health } from './health.ts'
import type { Plan, Planned } from './plan.ts'

export interface RetrySettings {
  /** Tries of one request in all, the first among them. */
  readonly attempts: number
  /** Milliseconds before the first repeat at the same candidate, at most; doubles with each. */
  readonly backoffMs: number
  readonly mostBackoffMs: number
  /** Of what a provider asks to wait. */
  readonly mostWaitSeconds: number
  /** Repeats at the same candidate for each request to it. */
  readonly budgetShare: number
}

export interface RetriesParts {
  readonly settings: RetrySettings
  readonly timekeeper: Timekeeper
  readonly random: () => number
  readonly health: Pick<Health, 'allows'>
}

/** Repeats that are saved up, and that come back each second whatever is asked. */
const mostSaved = 50
const savedPerSecond = 1

/** Errors that the same candidate has for the same request again, and another may not. */
const elsewhere: ReadonlySet<ErrorCode> = new Set([
  'provider_key_missing',
  'provider_key_refused',
  'provider_permission_denied',
  'provider_not_found',
  'quota_exceeded',
  'unsupported_parameter',
  'model_not_found',
  'deadline_exceeded',
  'provider_timeout',
  // A queue that is full is full on purpose; and what an engine died of, it may die of again.
  'engine_overloaded',
  'engine_failed',
  'model_file_missing',
  'model_file_invalid',
  'model_too_big',
  'model_unsupported',
  'engine_unavailable',
])

/** What is tried again, where, and after how long: within a budget, so that no outage becomes a storm. */
export class Retries {
  #parts: RetriesParts
  #saved = mostSaved / 5
  #savedAt: number
  #made = 0

  constructor(parts: RetriesParts) {
    this.#parts = parts
    this.#savedAt = parts.timekeeper.now()
  }

  configure(settings: RetrySettings): void {
    this.#parts = { ...this.#parts, settings }
  }

  begin(plan: Plan): RetryRun {
    this.#saved = Math.min(mostSaved, this.#saved + this.#parts.settings.budgetShare)
    return new RetryRun(plan, this.#parts, this)
  }

  /** Whether one more repeat fits the budget. */
  take(): boolean {
    const now = this.#parts.timekeeper.now()
    this.#saved = Math.min(mostSaved, this.#saved + ((now - this.#savedAt) / 1000) * savedPerSecond)
    this.#savedAt = now
    if (this.#saved < 1) return false
    this.#saved--
    this.#made++
    return true
  }

  /** Repeats at the same candidate since the start. */
  report(): { readonly repeats: number } {
    return { repeats: this.#made }
  }
}

/** The tries of one request. */
export class RetryRun {
  /** Of the latest try. */
  number = 1
  candidate: Planned
  /** Whether nobody else can be asked, so that this one is, however it is. */
  isLast: boolean
  /** Whether its provider saw anything of the latest try. */
  wasSent = false
  readonly #plan: Plan
  readonly #parts: RetriesParts
  readonly #budget: Retries
  #at = 0
  #beside: Planned | undefined
  /** Candidates that may answer if they are asked again. */
  readonly #again: Planned[] = []
  #repeats = 0
  #sent = 0
  #mostTelling: InferloomError | undefined

  constructor(plan: Plan, parts: RetriesParts, budget: Retries) {
    this.#plan = plan
    this.#parts = parts
    this.#budget = budget
    const { candidates } = plan
    if (candidates.length > 1) this.#at = Math.max(0, this.#nextAllowed(0))
    this.candidate = candidates[this.#at] as Planned
    this.isLast = candidates.length === 1 || !parts.health.allows(this.candidate)
  }

  /** Whom to ask beside the latest try: another one, or the same where there is no other. */
  beside(): { readonly candidate: Planned; readonly number: number } {
    const { candidates } = this.#plan
    const next = this.#nextAllowed(this.#at + 1)
    const other = candidates.find((each) => each !== this.candidate && this.#parts.health.allows(each))
    this.#beside = candidates[next] ?? other ?? this.candidate
    return { candidate: this.#beside, number: ++this.number }
  }

  /** The try beside the latest one failed, and that one will. */
  besideFailed(error: InferloomError, wasSent: boolean): void {
    if (wasSent) this.#sent++
    if (isTelling(error)) this.#mostTelling ??= error
    if (this.#beside) this.#mayAnswerAgain(error, this.#beside)
  }

  /** Milliseconds to wait before the next try, which is at `candidate` then. Throws where there is none. */
  failed(error: InferloomError, deadlineAt: number | undefined): number {
    const { settings } = this.#parts
    const { wasSent } = this
    this.wasSent = false
    if (wasSent) this.#sent++
    if (!this.#mostTelling || isTelling(error)) this.#mostTelling = error
    if (!this.#isWorthATry(error)) throw error
    this.#mayAnswerAgain(error, this.candidate)
    if (this.#sent >= (this.#plan.reliability?.attempts ?? settings.attempts)) throw this.#mostTelling
    const next = this.#nextAllowed(this.#at + 1)
    if (next >= 0) {
      this.#at = next
      this.candidate = this.#plan.candidates[next] as Planned
      this.number++
      return 0
    }
    return this.#repeat(error, wasSent, deadlineAt)
  }

  /** At the first that may answer if it is asked again: after a while, which differs from that of others. */
  #repeat(error: InferloomError, wasSent: boolean, deadlineAt: number | undefined): number {
    const { settings, random, timekeeper, health } = this.#parts
    const again = this.#again.find((each) => health.allows(each)) ?? this.#again[0]
    const telling = this.#mostTelling ?? error
    if (!again) throw telling
    // Nobody has had anything to do with it yet, so that there is nobody to spare.
    if (!wasSent) {
      // Who waits for room there waits in its queue, and was told now that there will be none.
      if (this.isLast) throw telling
      this.#goBack(again)
      return 0
    }
    const askedMs = again === this.candidate ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    if (askedMs > settings.mostWaitSeconds * 1000) throw telling
    const backoffMs = Math.min(settings.mostBackoffMs, settings.backoffMs * 2 ** this.#repeats)
    const waitMs = askedMs + random() * backoffMs
    if (deadlineAt !== undefined && timekeeper.now() + waitMs >= deadlineAt) throw telling
    if (!this.#budget.take()) throw telling
    this.#repeats++
    this.#goBack(again)
    return waitMs
  }

  #mayAnswerAgain({ kind, code }: InferloomError, candidate: Planned): void {
    if (kind.retryable && !elsewhere.has(code)) this.#again.push(candidate)
  }

  #goBack(to: Planned): void {
    this.#again.splice(this.#again.indexOf(to), 1)
    this.#at = this.#plan.candidates.length
    this.candidate = to
    this.isLast = true
    this.number++
  }

  #nextAllowed(from: number): number {
    const { candidates } = this.#plan
    for (let at = from; at < candidates.length; at++) {
      const candidate = candidates[at] as Planned
      if (candidate !== this.#beside && this.#parts.health.allows(candidate)) return at
    }
    return -1
  }

  #isWorthATry({ code, kind }: InferloomError): boolean {
    const { onContextOverflow = true, onContentFilter = false } = this.#plan.reliability ?? {}
    if (code === 'context_length_exceeded') return onContextOverflow
    if (code === 'content_filtered') return onContentFilter
    // What the deadline of a request ended is over; what would not be done by then may be elsewhere.
    return kind.retryable || elsewhere.has(code)
  }
}

/** Says something of the request or of a provider, and not only that it was not asked. */
function isTelling({ code, fault }: InferloomError): boolean {
  return (
    fault !== undefined || (code !== 'queue_full' && code !== 'deadline_exceeded' && code !== 'provider_overloaded')
  )
}
