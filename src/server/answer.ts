import type { FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import { askedLength } from '../dialects/asked-length.ts'
import type { Address, Dialect } from '../dialects/dialect.ts'
import { ownerOf } from '../gateway/caller.ts'
import type { Pipeline, RequestContext } from '../gateway/pipeline.ts'
import type { Question } from '../gateway/question.ts'
import { traceparentOf } from '../gateway/telemetry/trace-context.ts'
import type { Roster } from '../transport/roster.ts'
import { askedCache } from './asked-cache.ts'
import { askedDeadline } from './asked-deadline.ts'
import { askedWishes } from './asked-wishes.ts'
import { Delivery } from './delivery.ts'
import { relayedRequest } from './relayed-request.ts'
import { toldHeaders } from './told-headers.ts'

export interface AnswerOptions {
  readonly dialect: Dialect
  readonly pipeline: Pipeline
  readonly idleTimeoutMs: number
  /** Requests being answered, so that a shutdown can end them. */
  readonly active: Roster<AbortController>
}

/** Answers one request in its dialect: passed on where its provider speaks the same, else parsed, run and rendered. */
export async function answer(options: AnswerOptions, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { dialect, pipeline, active, idleTimeoutMs } = options
  const receivedAt = performance.now() - reply.elapsedTime
  const body = isRecord(request.body) ? request.body : {}
  const { caller } = request
  const owner = ownerOf(caller)
  const address = { ...addressOf(dialect, request, body), ...(owner !== undefined && { owner }) }
  const deadline = askedDeadline(request.headers)
  const controller = new AbortController()
  const place = active.add(controller)
  const onClose = () => {
    if (!reply.raw.writableFinished)
      controller.abort(new InferloomError('client_closed', 'The client closed the connection.'))
  }
  reply.raw.on('close', onClose)
  try {
    const maxOutputTokens = askedLength(body)
    const { stream } = address
    const context: RequestContext = {
      id: request.id,
      dialect: dialect.name,
      stream,
      receivedAt,
      signal: controller.signal,
      caller,
      text: request.text,
      body,
      trace: request.trace,
      ...toldHeaders(reply),
      ...askedTier(body),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      ...deadline,
      ...askedWishes(request.headers, body),
      ...askedCache(request.headers),
      ...headersOf(request, dialect),
    }
    const more = { ...(owner !== undefined && { owner }), ...deadline, ...tracedBy(request) }
    const parsed = once(async () => {
      const parsed = dialect.parse(request.body, address, await dialect.recall?.(body, address))
      if (parsed.headers) void reply.headers(parsed.headers)
      return { request: { ...parsed.request, ...more }, writer: parsed.writer }
    })
    const question: Question = {
      model: address.model,
      wire: dialect.name,
      understood: async () => (await parsed()).request,
      ...(dialect.relayable?.(body, address) !== false && {
        relayed: (served) => relayedRequest(dialect, request, { stream, trace: request.trace }, served),
      }),
    }
    const writer = async () => (await parsed()).writer(request.id)
    const delivery = new Delivery(reply, { stream, idleTimeoutMs, writer })
    try {
      await delivery.end(await pipeline.answer(question, context, delivery))
    } catch (error) {
      delivery.fail(error, (known) => dialect.failEvent?.(known))
    }
    return reply
  } finally {
    active.remove(place)
  }
}

/** Those that go with it to its provider may change the answer. */
function headersOf({ headers }: FastifyRequest, { forwardedHeaders = [] }: Dialect) {
  let found: Record<string, string> | undefined
  for (const name of forwardedHeaders) {
    const value = headers[name]
    if (value !== undefined) (found ??= {})[name] = String(value)
  }
  return found ? { headers: found } : {}
}

/** Makes something the first time it is asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** For providers that are asked next. */
function tracedBy({ trace }: FastifyRequest): { readonly traceparent?: string } {
  return trace ? { traceparent: traceparentOf(trace) } : {}
}

/** Whom a request is for, by its dialect; most name both in the body. */
function addressOf({ address }: Dialect, { params }: FastifyRequest, body: Readonly<Record<string, unknown>>): Address {
  if (address) return address(body, params as Readonly<Record<string, string>>)
  return { model: typeof body['model'] === 'string' ? body['model'] : '', stream: body['stream'] === true }
}

function askedTier({ service_tier: tier }: Readonly<Record<string, unknown>>): { readonly tier?: string } {
  return typeof tier === 'string' ? { tier } : {}
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
