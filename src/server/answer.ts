import type { FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import { askedLength } from '../dialects/asked-length.ts'
import type { Address, Dialect } from '../dialects/dialect.ts'
import { ownerOf } from '../gateway/caller.ts'
import type { Pipeline, RequestContext } from '../gateway/pipeline.ts'
import type { Roster } from '../transport/roster.ts'
import { askedCache } from './asked-cache.ts'
import { askedDeadline } from './asked-deadline.ts'
import { AskedQuestion } from './asked-question.ts'
import { askedWishes } from './asked-wishes.ts'
import { Delivery } from './delivery.ts'
import { ToldHeaders } from './told-headers.ts'

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
  const address = addressOf(dialect, request, body)
  const { stream } = address
  const { service_tier: tier } = body
  const controller = new AbortController()
  const context: RequestContext = {
    id: request.id,
    dialect: dialect.name,
    stream,
    receivedAt,
    signal: controller.signal,
    caller: request.caller,
    text: request.text,
    body,
    trace: request.trace,
    announcer: new ToldHeaders(reply),
    tier: typeof tier === 'string' ? tier : undefined,
    maxOutputTokens: askedLength(body),
    deadlineMs: askedDeadline(request.headers),
    wishes: askedWishes(request.headers, body),
    cacheWish: askedCache(request.headers),
    headers: headersOf(request, dialect),
  }
  const { deadlineMs } = context
  const question = new AskedQuestion(dialect, { request, reply, body, address, deadlineMs })
  const delivery = new Delivery(reply, { stream, idleTimeoutMs, writer: () => question.writer() })
  const place = active.add(controller)
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished)
      controller.abort(new InferloomError('client_closed', 'The client closed the connection.'))
  })
  try {
    const ending = delivery.end(await pipeline.answer(question, context, delivery))
    if (ending) await ending
  } catch (error) {
    delivery.fail(error, (known) => dialect.failEvent?.(known))
  } finally {
    active.remove(place)
  }
  return reply
}

/** Those that go with it to its provider may change the answer. */
function headersOf({ headers }: FastifyRequest, { forwardedHeaders = none }: Dialect) {
  let found: Record<string, string> | undefined
  for (const name of forwardedHeaders) {
    const value = headers[name]
    if (value !== undefined) (found ??= {})[name] = String(value)
  }
  return found
}

const none: readonly string[] = []

/** Whom a request is for, by its dialect; most name both in the body. */
function addressOf(
  { address }: Dialect,
  { params, caller }: FastifyRequest,
  body: Readonly<Record<string, unknown>>,
): Address {
  const owner = ownerOf(caller)
  const found = address
    ? address(body, params as Readonly<Record<string, string>>)
    : { model: typeof body['model'] === 'string' ? body['model'] : '', stream: body['stream'] === true }
  return owner === undefined ? found : { ...found, owner }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
