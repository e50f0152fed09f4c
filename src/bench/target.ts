import { Pool } from 'undici'
import { InferloomError } from '../canonical/errors.ts'
import { Deadlines } from '../transport/deadlines.ts'
import type { Outcome } from './outcome.ts'
import type { BenchRequest } from './request.ts'
import { SentRequest } from './sent-request.ts'
import type { Wire } from './wires/wire.ts'

export interface TargetOptions {
  /** `http://host:port`, with or without `/v1` at its end, or below a path. */
  readonly url: string
  readonly wire: Wire
  readonly model: string
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Merged into every body. */
  readonly fields?: Readonly<Record<string, unknown>>
  readonly timeoutMs: number
  /** Whether answers come as they are written; absent means they do. */
  readonly stream?: boolean
}

/** How a server wants to be asked, as calibration found out. */
export interface Manner {
  /** Its name for the limit of output tokens, where it is not the wire's own. */
  readonly maxTokensField?: string
  /** What keeps its models from ending early. */
  readonly keepWriting?: Readonly<Record<string, unknown>>
}

/** A request with its body, made before it is due. */
export interface Prepared {
  readonly request: BenchRequest
  readonly body: string
}

export interface SendExtra {
  readonly dueAt?: number
  /** Told of the time between each two pieces of the answer. */
  readonly onGap?: (milliseconds: number) => void
}

export type OnDone = (outcome: Outcome, message: string) => void

/** A model of a server, and the connections to it. */
export class Target {
  readonly url: string
  readonly model: string
  readonly wire: Wire
  readonly stream: boolean
  manner: Manner = {}
  readonly #options: TargetOptions
  readonly #pool: Pool
  readonly #deadlines: Deadlines
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #inFlight = new Set<SentRequest>()

  constructor(options: TargetOptions) {
    const { wire, model, key, headers = {}, timeoutMs } = options
    const { origin, base } = addressOf(options.url)
    this.#options = options
    this.url = origin + base
    this.model = model
    this.wire = wire
    // As many connections as there are requests under way: waiting for one would be time that no server took.
    this.#pool = new Pool(origin, {
      connections: null,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    })
    this.#deadlines = new Deadlines(timeoutMs)
    const { stream = true } = options
    this.stream = stream
    this.#path = base + wire.path(model, stream)
    this.#headers = {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      ...wire.headers,
      ...(key !== undefined && wire.keyHeader(key)),
      ...headers,
    }
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  prepare(request: BenchRequest): Prepared {
    return { request, body: this.#bodyOf(request) }
  }

  /** Sends one request. Its latency counts from `dueAt`, which is now where it is not given. */
  send({ request, body }: Prepared, onDone: OnDone, extra: SendExtra = {}): void {
    const { wire, timeoutMs } = this.#options
    const sent: SentRequest = new SentRequest({
      wire,
      request,
      stream: this.stream,
      dueAt: extra.dueAt ?? performance.now(),
      timeoutMs,
      deadlines: this.#deadlines,
      ...(extra.onGap && { onGap: extra.onGap }),
      onDone: (outcome, message) => {
        this.#inFlight.delete(sent)
        onDone(outcome, message)
      },
    })
    this.#inFlight.add(sent)
    this.#pool.dispatch({ path: this.#path, method: 'POST', headers: this.#headers, body }, sent)
  }

  /** The same as a promise, for probes. */
  ask(request: BenchRequest): Promise<{ readonly outcome: Outcome; readonly message: string }> {
    return new Promise((resolve) =>
      this.send(this.prepare(request), (outcome, message) => resolve({ outcome, message })),
    )
  }

  /** Gives up what is under way. */
  stopAll(error: string): void {
    for (const sent of this.#inFlight) sent.stop(error)
  }

  async close(): Promise<void> {
    this.stopAll('stopped')
    await this.#pool.destroy()
  }

  #bodyOf({ messages, maxTokens, keepWriting }: BenchRequest): string {
    const { wire, model, fields } = this.#options
    const body = wire.body({ model, messages, maxTokens, stream: this.stream })
    const { maxTokensField } = this.manner
    if (maxTokensField !== undefined && maxTokensField !== 'max_tokens') {
      body[maxTokensField] = body['max_tokens']
      delete body['max_tokens']
    }
    return JSON.stringify({ ...body, ...(keepWriting && this.manner.keepWriting), ...fields })
  }
}

/** Throws `invalid_value` where it is no address of a web server. */
export function addressOf(text: string): { readonly origin: string; readonly base: string } {
  if (URL.canParse(text)) {
    const { protocol, origin, pathname, username, password } = new URL(text)
    const isPlain = username === '' && password === ''
    if (/^https?:$/.test(protocol) && isPlain) {
      return { origin, base: pathname.replace(/\/(?:v1|v1beta)?\/?$/, '').replace(/\/$/, '') }
    }
  }
  const shown = text.replace(/\/\/[^/@]*@/, '//…@').slice(0, 200)
  const message = `'${shown}' is not the address of a server. It is such as http://127.0.0.1:8000/v1; a key goes into --key-env.`
  throw new InferloomError('invalid_value', message, { param: 'target' })
}
