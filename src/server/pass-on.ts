import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { Address, Dialect } from '../dialects/dialect.ts'
import type { Served } from '../gateway/models.ts'
import type { Pipeline, RelayReader, RequestContext } from '../gateway/pipeline.ts'
import type { RelayReply } from '../providers/provider.ts'
import { membersOf, splice } from '../transport/json-splice.ts'
import { drained } from './drained.ts'

export interface PassOnOptions {
  readonly dialect: Pick<Dialect, 'name' | 'forwardedHeaders' | 'failEvent'>
  readonly pipeline: Pipeline
  readonly idleTimeoutMs: number
  readonly served: Served
  readonly address: Address
  readonly context: RequestContext
}

/**
 * Answers a request whose provider speaks its client's wire: the client's bytes go on as they are, but for the name of
 * the model, and so do the provider's. Fields that nobody here knows survive both ways.
 */
export async function passOn(options: PassOnOptions, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { dialect, pipeline, served, address, context } = options
  const relayed = {
    wire: dialect.name,
    model: served.model,
    body: withModel(request.text, served.model),
    stream: address.stream,
    headers: forwarded(request, dialect.forwardedHeaders),
  }
  const who = { served, model: address.model }
  if (!address.stream) return await passWhole(reply, (reader) => pipeline.relay(relayed, who, context, reader))
  const reader = new StreamReader(reply, options.idleTimeoutMs)
  try {
    await pipeline.relay(relayed, who, context, reader)
    reply.raw.end()
  } catch (error) {
    if (!reader.begun) throw error
    const known = asInferloomError(error)
    fail(reply.raw, dialect.failEvent?.(known))
    if (known.code === 'internal_error') throw error
  }
}

/** An answer that is no stream is sent with its length, and as an error if it breaks off. */
async function passWhole(reply: FastifyReply, relay: (reader: RelayReader) => Promise<void>): Promise<void> {
  let head: Pick<RelayReply, 'status' | 'headers'> = { status: 200, headers: {} }
  const pieces: Uint8Array[] = []
  await relay({
    begin: (given) => void (head = given),
    take: (bytes) => void pieces.push(bytes),
  })
  const [first = new Uint8Array()] = pieces
  const bytes = pieces.length > 1 ? Buffer.concat(pieces) : first
  reply.hijack()
  reply.raw.writeHead(head.status, { ...headersOf(head.headers, reply), 'content-length': bytes.length })
  reply.raw.end(bytes)
}

class StreamReader implements RelayReader {
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

  take(bytes: Uint8Array): Promise<void> | undefined {
    return this.#out.write(bytes) ? undefined : drained(this.#out, this.#idleTimeoutMs)
  }
}

/** Where the wire has a word for it, it is the last one; otherwise the client must see that the answer was cut. */
function fail(out: ServerResponse, lastWords: string | undefined): void {
  if (lastWords === undefined) out.destroy()
  else if (!out.destroyed) out.end(lastWords)
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
  const id = requestIds.map((name) => theirs[name]).find((value) => value !== undefined)
  if (id !== undefined) headers['x-inferloom-provider-request-id'] = id
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
