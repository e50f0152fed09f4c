import type { Dispatcher } from 'undici'
import { InferloomError } from '../canonical/errors.ts'
import { connectionError } from './connection-error.ts'

/** In seconds. */
export interface UpstreamTimeouts {
  readonly connect: number
  /** From the request to the first byte of the body. */
  readonly firstByte: number
  /** Between two pieces of a stream. */
  readonly idle: number
  readonly total: number
}

export interface UpstreamReply {
  readonly status: number
  /** Names in lower case; of repeated ones the first. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * All that arrived since it was last asked, so that a slow reader has few turns. Not reading holds the sender back.
   * Returning early cancels the request.
   */
  readonly body: AsyncIterable<readonly Uint8Array[]>
  /** Ends the request where the body is not wanted. */
  cancel(): void
}

export interface ExchangeOptions {
  readonly provider: string
  readonly host: string
  readonly timeouts: UpstreamTimeouts
  readonly signal: AbortSignal
}

/** Bytes that are held for a reader who is busy; the connection is not read while there are more. */
const mostHeld = 256 * 1024

/** One request and its answer on a connection, on undici's bare callbacks: its streams cost several times as much. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly reply: Promise<UpstreamReply>
  readonly #options: ExchangeOptions
  readonly #total: NodeJS.Timeout
  readonly #onAbort = () => this.#stop(this.#options.signal.reason)
  #resolve: (reply: UpstreamReply) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #controller: Dispatcher.DispatchController | undefined
  #patience: NodeJS.Timeout | undefined
  #begun = false
  #hasBody = false
  #held: Uint8Array[] = []
  #heldBytes = 0
  #over = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { total, connect, firstByte } = options.timeouts
    this.#total = setTimeout(() => this.#expire('answer', total, 'total'), total * 1000)
    this.#patience = this.#expectWithin(connect + firstByte, 'firstByte')
    options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(new Error('no longer wanted'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2],
  ): void {
    // 1xx only announces an answer.
    if (status < 200 || this.#over) return
    clearTimeout(this.#patience)
    this.#begun = true
    this.#resolve({ status, headers: firstOfEach(headers), body: this.#body(), cancel: () => this.#stop(undefined) })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#hasBody = true
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes > mostHeld) controller.pause()
    this.#wake?.()
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#over) return
    const { provider, host } = this.#options
    this.#fail(connectionError(cause, { provider, host, begun: this.#begun }))
  }

  async *#body(): AsyncGenerator<readonly Uint8Array[]> {
    try {
      for (;;) {
        if (this.#held.length > 0) yield this.#take()
        else if (this.#failure) throw this.#failure.error
        else if (this.#over) return
        else await this.#more()
      }
    } finally {
      this.#stop(undefined)
    }
  }

  #take(): readonly Uint8Array[] {
    const taken = this.#held
    const wasPaused = this.#heldBytes > mostHeld
    this.#held = []
    this.#heldBytes = 0
    if (wasPaused) this.#controller?.resume()
    return taken
  }

  async #more(): Promise<void> {
    const { firstByte, idle } = this.#options.timeouts
    this.#patience = this.#hasBody ? this.#expectWithin(idle, 'idle') : this.#expectWithin(firstByte, 'firstByte')
    await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = undefined
    clearTimeout(this.#patience)
  }

  #expectWithin(seconds: number, setting: 'firstByte' | 'idle'): NodeJS.Timeout {
    return setTimeout(() => this.#expire(setting === 'idle' ? 'go on' : 'begin', seconds, setting), seconds * 1000)
  }

  #expire(what: string, seconds: number, setting: keyof UpstreamTimeouts): void {
    const { provider } = this.#options
    const message = `${provider} did not ${what} within ${seconds} seconds. Remedy: try again, or raise timeouts.${setting}.`
    this.#stop(new InferloomError('provider_timeout', message, { fault: { provider } }))
  }

  /** Ends it from our side; what was held is of no use any more. */
  #stop(error: unknown): void {
    if (this.#over) return
    this.#held = []
    if (error === undefined) this.#end()
    else this.#fail(error)
    this.#controller?.abort(new Error('no longer wanted'))
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#total)
    clearTimeout(this.#patience)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#wake?.()
  }
}

function firstOfEach(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const first: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const one = Array.isArray(value) ? value[0] : value
    if (one !== undefined) first[name.toLowerCase()] = one
  }
  return first
}
