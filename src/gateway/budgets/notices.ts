import type { Period } from '../limits/calendar.ts'
import type { Window } from '../limits/key-limits.ts'

/** That a budget is near its end, or at it. */
export interface BudgetNotice {
  readonly event: 'budget.soft' | 'budget.hard'
  readonly kind: 'key' | 'team' | 'model' | 'route'
  readonly id: string
  readonly window: Window
  readonly usd: number
  readonly soft: number | undefined
  readonly spent: number
  readonly period: Period
}

/** Of which a process remembers that it sent them. */
const mostRemembered = 10_000
/** That wait to be sent; more are dropped, the newest first. */
const mostWaiting = 100
const pausesMs = [1000, 10_000, 60_000]
const timeoutMs = 10_000

/**
 * Tells a webhook of each budget once a period that its soft limit is reached, and once that it is used up; again after
 * a restart. The address comes from the configuration alone, and a redirect to another one is not followed.
 */
export class BudgetNotices {
  readonly #url: string | undefined
  readonly #onTrouble: (error: unknown) => void
  readonly #told = new Map<string, number>()
  readonly #waiting: BudgetNotice[] = []
  #sending: Promise<void> | undefined
  readonly #closing = new AbortController()

  constructor(url: string | undefined, onTrouble: (error: unknown) => void) {
    this.#url = url
    this.#onTrouble = onTrouble
  }

  tell(notice: BudgetNotice): void {
    if (this.#url === undefined || !this.#isNew(notice)) return
    if (this.#waiting.length >= mostWaiting) return this.#onTrouble(new Error(`more than ${mostWaiting} notices wait`))
    this.#waiting.push(notice)
    this.#sending ??= this.#sendAll(this.#url).finally(() => (this.#sending = undefined))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#sending
  }

  #isNew({ event, kind, id, window, usd, soft, period }: BudgetNotice): boolean {
    const name = JSON.stringify([event, kind, id, window, usd, soft, period.start])
    if (this.#told.has(name)) return false
    if (this.#told.size >= mostRemembered) {
      for (const [each, end] of this.#told) if (end <= period.start) this.#told.delete(each)
    }
    if (this.#told.size >= mostRemembered) this.#told.clear()
    this.#told.set(name, period.end)
    return true
  }

  async #sendAll(url: string): Promise<void> {
    for (let notice = this.#waiting.shift(); notice; notice = this.#waiting.shift()) {
      try {
        await this.#send(url, notice)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#onTrouble(error)
      }
    }
  }

  async #send(url: string, { period, ...notice }: BudgetNotice): Promise<void> {
    const at = { start: new Date(period.start).toISOString(), end: new Date(period.end).toISOString() }
    const body = JSON.stringify({ ...notice, period: at })
    for (const pauseMs of [...pausesMs, undefined]) {
      const failure = await this.#post(url, body)
      if (!failure) return
      if (pauseMs === undefined || this.#closing.signal.aborted) throw failure
      await pause(pauseMs, this.#closing.signal)
    }
  }

  async #post(url: string, body: string): Promise<Error | undefined> {
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal })
      await response.body?.cancel()
      return response.ok ? undefined : new Error(`the webhook answered ${response.status}`)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}
