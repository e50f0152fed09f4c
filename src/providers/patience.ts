import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamTimeouts } from '../transport/exchange.ts'

export interface PatienceOptions {
  readonly provider: string
  readonly timeouts: UpstreamTimeouts
  readonly signal: AbortSignal
}

/** Bounds a request whose connection is not ours: nothing in it waits longer than its timeouts, or than its client. */
export class Patience {
  /** Ends the request, whoever ended it. */
  readonly signal: AbortSignal
  readonly #options: PatienceOptions
  readonly #expired = new AbortController()
  readonly #total: NodeJS.Timeout

  constructor(options: PatienceOptions) {
    this.#options = options
    this.signal = AbortSignal.any([options.signal, this.#expired.signal])
    this.#total = this.#expireAfter('total')
  }

  /** Rejects with the reason where time is up or the client has left, also where what is waited for takes no notice. */
  async wait<T>(work: PromiseLike<T>, setting: 'firstByte' | 'idle'): Promise<T> {
    const { signal } = this
    const timer = this.#expireAfter(setting)
    let stop = () => {}
    try {
      return await new Promise<T>((resolve, reject) => {
        work.then(resolve, reject)
        stop = () => reject(signal.reason as Error)
        if (signal.aborted) stop()
        else signal.addEventListener('abort', stop, { once: true })
      })
    } catch (error) {
      // A package may have its own error for a request that was ended.
      signal.throwIfAborted()
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  /** Ends what is still under way. */
  end(): void {
    clearTimeout(this.#total)
    this.#expired.abort(new Error('no longer wanted'))
  }

  #expireAfter(setting: 'firstByte' | 'idle' | 'total'): NodeJS.Timeout {
    const { provider, timeouts } = this.#options
    const seconds = timeouts[setting]
    const message = `${provider} took longer than ${seconds} seconds. Remedy: try again, or raise timeouts.${setting}.`
    const error = new InferloomError('provider_timeout', message, { fault: { provider } })
    return setTimeout(() => this.#expired.abort(error), seconds * 1000)
  }
}
