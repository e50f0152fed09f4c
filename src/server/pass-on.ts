import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { Address, Dialect } from '../dialects/dialect.ts'
import { traceparentOf } from '../gateway/telemetry/trace-context.ts'
import type { Served } from '../gateway/models.ts'
import type { Pipeline, RelayReader, RequestContext } from '../gateway/pipeline.ts'
import type { RelayReply } from '../providers/provider.ts'
import type { FormField } from '../transport/form-fields.ts'
import { membersOf, splice } from '../transport/json-splice.ts'
import { withCost } from '../transport/told-cost.ts'
import { costHeader, costText } from './cost-header.ts'
import { drained } from './drained.ts'

export interface PassOnOptions {
  readonly dialect: Pick<Dialect, 'name' | 'forwardedHeaders' | 'failEvent'>
  readonly pipeline: Pipeline
  readonly idleTimeoutMs: number
  readonly served: Served
  readonly address: Address
  readonly context: RequestContext
  /** The request's body, where it is a form. */
  readonly form?: PassedForm
  /** Whether the answer may be a stream, or no text at all, without having been asked for so. */
  readonly anyForm?: boolean
}

interface PassedForm {
  readonly bytes: Buffer
  readonly type: string
  readonly fields: ReadonlyMap<string, FormField>
}

interface PassReader extends RelayReader {
  /** Whether the client has seen something of the answer. */
  readonly begun: boolean
  end(cost: number | 'unknown' | undefined): void
  /** Of an answer that has begun. */
  fail(lastWords: string | undefined): void
}

/**
 * Answers a request whose provider speaks its client's wire: the client's bytes go on as they are, but for the name of
 * the model, and so do the provider's. Fields that nobody here knows survive both ways.
 */
export async function passOn(options: PassOnOptions, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { dialect, pipeline, served, address, context } = options
  const { form, idleTimeoutMs } = options
  const headers = forwarded(request, dialect.forwardedHeaders)
  if (context.trace) headers['traceparent'] = traceparentOf(context.trace)
  const relayed = {
    wire: dialect.name,
    model: served.model,
    body: form ? withFormModel(form, served.model) : withModel(request.text, served.model),
    stream: address.stream,
    headers: form ? { ...headers, 'content-type': form.type } : headers,
  }
  const who = { served, model: address.model }
  const reader = options.anyForm
    ? new AnyReader(reply, idleTimeoutMs)
    : address.stream
      ? new StreamReader(reply, idleTimeoutMs)
      : new WholeReader(reply)
  try {
    reader.end(await pipeline.relay(relayed, who, context, reader))
  } catch (error) {
    if (!reader.begun) throw error
    const known = asInferloomError(error)
    reader.fail(dialect.failEvent?.(known))
    if (known.code === 'internal_error') throw error
  }
}

/** An answer that is no stream is sent with its length, and as an error if it breaks off. */
class WholeReader implements PassReader {
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

  end(cost: number | 'unknown' | undefined): void {
    const [first = new Uint8Array()] = this.#pieces
    const given = this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : first
    const bytes = cost === undefined ? given : withCost(given, cost)
    this.#reply.hijack()
    const headers = headersOf(this.#head.headers, this.#reply)
    if (cost !== undefined) headers[costHeader] = costText(cost)
    headers['content-length'] = String(bytes.length)
    this.#reply.raw.writeHead(this.#head.status, headers)
    this.#reply.raw.end(bytes)
  }

  /** Nothing of it has been seen. */
  fail(): void {}
}

class StreamReader implements PassReader {
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

  take(bytes: Uint8Array, cost?: number | 'unknown'): Promise<void> | undefined {
    return this.#out.write(cost === undefined ? bytes : withCost(bytes, cost))
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
class AnyReader implements PassReader {
  readonly #whole: WholeReader
  readonly #stream: StreamReader
  #chosen: PassReader
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

  take(bytes: Uint8Array, cost?: number | 'unknown'): Promise<void> | undefined {
    return this.#chosen.take(bytes, this.#isEvents ? cost : undefined)
  }

  end(cost: number | 'unknown' | undefined): void {
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

function forwarded({ headers }: FastifyRequest, names: readonly string[] = []): Record<string, string> {
  const given: Record<string, string> = {}
  for (const name of names) {
    const value = headers[name]
    if (value !== undefined) given[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return given
}

const decisive = ['model', 'stream']

/**
 * The body with the provider's own name for the model where the client wrote another. What decided where it goes must
 * be there once: of two `model`s the provider might take the one that was not looked at.
 */
function withModel(text: string, model: string): string {
  const { spans, twice } = membersOf(text, decisive)
  if (twice !== undefined) {
    throw new InferloomError('invalid_value', `${twice} is there twice. Remedy: send it once.`, { param: twice })
  }
  const span = spans.get('model')
  return span ? splice(text, [{ ...span, text: JSON.stringify(model) }]) : text
}

/** The same of a form. */
function withFormModel({ bytes, fields }: PassedForm, model: string): Uint8Array {
  const field = fields.get('model')
  if (!field || field.value === model) return bytes
  return Buffer.concat([bytes.subarray(0, field.start), Buffer.from(model), bytes.subarray(field.end)])
}
