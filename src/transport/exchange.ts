import type { Dispatcher } from 'undici'
import { InferloomError } from '../canonical/errors.ts'
import { connectionError } from './connection-error.ts'
import type { Deadlines, Dated } from './deadlines.ts'
import type { Place } from './roster.ts'
import { UnreadableStream } from './unreadable-stream.ts'

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
  /** All of the body, for those who do not read it piece by piece. Throws `UnreadableStream`, and cancels, where it is larger. */
  whole(most: number): Promise<Buffer>
  /** Ends the request where the body is not wanted. */
  cancel(): void
}

export interface ExchangeOptions {
  readonly provider: string
  readonly url: URL
  readonly timeouts: UpstreamTimeouts
  readonly signal: AbortSignal
  readonly deadlines: Deadlines
}

/** Bytes that are held for a reader who is busy; the connection is not read while there are more. */
const mostHeld = 256 * 1024

/** One request and its answer on a connection, on undici's bare callbacks: its streams cost several times as much. */
export class Exchange implements Dispatcher.DispatchHandler, Dated, UpstreamReply {
  /** Resolves with the exchange itself when the answer begins. */
  readonly reply: Promise<UpstreamReply>
  status = 0
  headers: Readonly<Record<string, string>> = {}
  /** On the clock of `performance.now()`: the nearer of the two that are running. */
  dueAt = 0
  readonly #options: ExchangeOptions
  readonly #totalAt: number
  readonly #place: Place<Dated>
  readonly #onAbort = () => this.#stop(this.#options.signal.reason)
  #resolve: (reply: UpstreamReply) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #controller: Dispatcher.DispatchController | undefined
  /** What is being waited for, beside the end. */
  #awaited: 'firstByte' | 'idle' | undefined
  #begun = false
  #hasBody = false
  #held: Uint8Array[] = []
  #heldBytes = 0
  #over = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  /** Bytes that a reader of the whole takes at most; nobody is woken before the end then. */
  #mostOfWhole: number | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { total, connect, firstByte } = options.timeouts
    this.#totalAt = performance.now() + total * 1000
    this.#expect('firstByte', connect + firstByte)
    this.#place = options.deadlines.add(this)
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
    this.#expect(undefined)
    this.#begun = true
    this.status = status
    this.headers = firstOfEach(headers)
    this.#resolve(this)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#hasBody = true
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#mostOfWhole !== undefined) return this.#takeForWhole(this.#mostOfWhole)
    if (this.#heldBytes > mostHeld) controller.pause()
    this.#wake?.()
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#over) return
    const { provider, url } = this.#options
    this.#fail(connectionError(cause, { provider, host: url.host, begun: this.#begun }))
  }

  get body(): AsyncIterable<readonly Uint8Array[]> {
    return this
  }

  /** By hand: a generator costs each piece of a stream several turns of its own. */
  [Symbol.asyncIterator](): AsyncIterator<readonly Uint8Array[]> {
    const next = async (): Promise<IteratorResult<readonly Uint8Array[]>> => {
      while (this.#held.length === 0) {
        if (this.#failure) throw this.#failure.error
        if (this.#over) return { done: true, value: undefined }
        await this.#more()
      }
      return { done: false, value: this.#take() }
    }
    const end = () => {
      this.#stop(undefined)
      return Promise.resolve({ done: true, value: undefined } as const)
    }
    return { next, return: end }
  }

  #take(): readonly Uint8Array[] {
    const taken = this.#held
    const wasPaused = this.#heldBytes > mostHeld
    this.#held = []
    this.#heldBytes = 0
    if (wasPaused) this.#controller?.resume()
    return taken
  }

  async whole(most: number): Promise<Buffer> {
    this.#mostOfWhole = most
    this.#takeForWhole(most)
    if (!this.#over) {
      if (this.#controller?.paused === true) this.#controller.resume()
      await this.#more()
    }
    if (this.#failure) throw this.#failure.error
    if (this.#heldBytes > most) throw new UnreadableStream(`an answer larger than ${most / 1_048_576} MB`)
    const [first] = this.#held
    const one = first !== undefined && this.#held.length === 1
    return one ? Buffer.from(first.buffer, first.byteOffset, first.length) : Buffer.concat(this.#held)
  }

  cancel(): void {
    this.#stop(undefined)
  }

  #takeForWhole(most: number): void {
    if (this.#heldBytes > most) this.#stop(undefined)
    else if (this.#awaited) this.#await('idle')
  }

  /** Not `async`: that costs each piece of a stream a turn more. */
  #more(): Promise<void> {
    this.#await(this.#hasBody ? 'idle' : 'firstByte')
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        this.#expect(undefined)
        resolve()
      }
    })
  }

  #await(what: 'firstByte' | 'idle'): void {
    this.#expect(what, this.#options.timeouts[what])
  }

  #expect(what: undefined): void
  #expect(what: 'firstByte' | 'idle', seconds: number): void
  #expect(what: 'firstByte' | 'idle' | undefined, seconds = Infinity): void {
    this.#awaited = what
    this.dueAt = what === undefined ? this.#totalAt : Math.min(this.#totalAt, performance.now() + seconds * 1000)
  }

  /** Called some time after what was due did not come. */
  overdue(): void {
    const { provider, timeouts } = this.#options
    const setting = this.dueAt < this.#totalAt && this.#awaited ? this.#awaited : 'total'
    const what = { firstByte: 'begin', idle: 'go on', total: 'answer' }[setting]
    const message = `${provider} did not ${what} within ${timeouts[setting]} seconds. Remedy: try again, or raise timeouts.${setting}.`
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
    this.#options.deadlines.remove(this.#place)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#wake?.()
  }
}

/** undici has put the names in lower case. */
function firstOfEach(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const first: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    const one = typeof value === 'string' ? value : value?.[0]
    if (one !== undefined) first[name] = one
  }
  return first
}
