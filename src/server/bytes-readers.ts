import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { RelayReply } from '../providers/provider.ts'
import { latin1 } from '../transport/latin1.ts'
import { withCost } from '../transport/told-cost.ts'
import { costHeader, costText } from './cost-header.ts'
import { drained } from './drained.ts'
import type { ToldCost } from '../canonical/usage.ts'

/** Takes an answer that is passed on to a client. */
export interface BytesReader {
  /** Whether the client has seen something of the answer. */
  readonly begun: boolean
  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void
  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined
  end(cost: ToldCost | undefined): void
  /** Of an answer that has begun. */
  fail(lastWords: string | undefined): void
}

/** An answer that is no stream is sent with its length, and as an error if it breaks off. */
export class WholeReader implements BytesReader {
  readonly begun = false
  readonly #reply: FastifyReply
  readonly #pieces: Uint8Array[] = []
  #head: Pick<RelayReply, 'status' | 'headers'> = { status: 200, headers: {} }

  constructor(reply: FastifyReply) {
    this.#reply = reply
  }

  begin(head: Pick<RelayReply, 'status' | 'headers'>): void {
    this.#head = head
  }

  take(bytes: Uint8Array): undefined {
    this.#pieces.push(bytes)
  }

  end(cost: ToldCost | undefined): void {
    const [first = new Uint8Array()] = this.#pieces
    const given = this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : first
    this.#reply.hijack()
    const headers = headersOf(this.#head.headers, this.#reply)
    if (cost !== undefined) headers[costHeader] = costText(cost)
    // Node sends a text together with the headers; bytes it does not.
    const text = cost === undefined ? latin1(given) : withCost(latin1(given), cost)
    headers['content-length'] = String(text.length)
    this.#reply.raw.writeHead(this.#head.status, headers)
    this.#reply.raw.end(text, 'latin1')
  }

  /** Nothing of it has been seen. */
  fail(): void {}
}

export class StreamReader implements BytesReader {
  begun = false
  readonly #reply: FastifyReply
  readonly #out: ServerResponse
  readonly #idleTimeoutMs: number

  constructor(reply: FastifyReply, idleTimeoutMs: number) {
    this.#reply = reply
    this.#out = reply.raw
    this.#idleTimeoutMs = idleTimeoutMs
  }

  begin({ status, headers }: Pick<RelayReply, 'status' | 'headers'>): void {
    this.begun = true
    this.#reply.hijack()
    this.#out.writeHead(status, {
      ...headersOf(headers, this.#reply),
      'cache-control': 'no-cache',
      // nginx would collect the stream otherwise: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
      'x-accel-buffering': 'no',
    })
  }

  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined {
    return (cost === undefined ? this.#out.write(bytes) : this.#out.write(withCost(latin1(bytes), cost), 'latin1'))
      ? undefined
      : drained(this.#out, this.#idleTimeoutMs)
  }

  end(): void {
    this.#out.end()
  }

  /** Where the wire has a word for it, it is the last one; otherwise the client must see that the answer was cut. */
  fail(lastWords: string | undefined): void {
    if (lastWords === undefined) this.#out.destroy()
    else if (!this.#out.destroyed) this.#out.end(lastWords)
  }
}

/** JSON is sent whole; sounds and events are sent as they come, and only among events there is a word for a failure. */
export class AnyReader implements BytesReader {
  readonly #whole: WholeReader
  readonly #stream: StreamReader
  #chosen: BytesReader
  #isEvents = false

  constructor(reply: FastifyReply, idleTimeoutMs: number) {
    this.#whole = new WholeReader(reply)
    this.#stream = new StreamReader(reply, idleTimeoutMs)
    this.#chosen = this.#whole
  }

  get begun(): boolean {
    return this.#chosen.begun
  }

  begin(head: Pick<RelayReply, 'status' | 'headers'>): void {
    const type = head.headers['content-type'] ?? ''
    this.#isEvents = /^text\/event-stream\b/i.test(type)
    this.#chosen = /\bjson\b/i.test(type) || type === '' ? this.#whole : this.#stream
    this.#chosen.begin(head)
  }

  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined {
    return this.#chosen.take(bytes, this.#isEvents ? cost : undefined)
  }

  end(cost: ToldCost | undefined): void {
    this.#chosen.end(cost)
  }

  fail(lastWords: string | undefined): void {
    this.#chosen.fail(this.#isEvents ? lastWords : undefined)
  }
}

/** Under which a provider's support finds a request, by the names that providers give it. */
const requestIds = [
  'x-request-id',
  'request-id',
  'x-amzn-requestid',
  'apim-request-id',
  'x-goog-request-id',
  'trace-id',
]

/** The provider's headers, except where ours have the same name. */
function headersOf(theirs: Readonly<Record<string, string>>, reply: FastifyReply): Record<string, string> {
  const headers = { ...theirs, ...(reply.getHeaders() as Record<string, string>) }
  for (const name of requestIds) {
    const id = theirs[name]
    if (id === undefined) continue
    headers['x-inferloom-provider-request-id'] = id
    break
  }
  return headers
}
