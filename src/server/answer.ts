import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import { askedLength } from '../dialects/asked-length.ts'
import type { Address, AnswerWriter, Dialect } from '../dialects/dialect.ts'
import { ownerOf } from '../gateway/caller.ts'
import { traceparentOf } from '../gateway/telemetry/trace-context.ts'
import type { Pipeline } from '../gateway/pipeline.ts'
import type { Roster } from '../transport/roster.ts'
import { askedDeadline } from './asked-deadline.ts'
import { costHeader, costText } from './cost-header.ts'
import { drained } from './drained.ts'
import { tellStanding } from './limit-headers.ts'
import { passOn } from './pass-on.ts'

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
    const { signal } = controller
    const { id, text } = request
    const tier = askedTier(body)
    const maxOutputTokens = askedLength(body)
    const length = maxOutputTokens === undefined ? {} : { maxOutputTokens }
    const context = {
      id,
      dialect: dialect.name,
      stream: address.stream,
      receivedAt,
      signal,
      caller,
      text,
      trace: request.trace,
      admitted: (standing: LimitStanding) => tellStanding(reply, standing),
      ...tier,
      ...length,
      ...deadline,
    }
    const served =
      dialect.relayable?.(body, address) === false ? undefined : pipeline.relayed(address.model, dialect.name)
    if (served) {
      await passOn({ dialect, pipeline, idleTimeoutMs, served, address, context }, request, reply)
      return reply
    }
    const parsed = dialect.parse(request.body, address, await dialect.recall?.(body, address))
    const { stream } = parsed
    if (parsed.headers) void reply.headers(parsed.headers)
    const events = pipeline.run(
      { ...parsed.request, ...(owner !== undefined && { owner }), ...deadline, ...tracedBy(request) },
      { ...context, stream },
    )
    const writer = parsed.writer(request.id)
    if (!stream) {
      const all: StreamEvent[] = []
      for await (const batch of events) all.push(...batch)
      nameProvidersRequest(reply, all)
      const last = all.at(-1)
      if (last?.type === 'finish' && last.usage.cost !== undefined) {
        void reply.header(costHeader, costText(last.usage.cost))
      }
      return await reply.type('application/json; charset=utf-8').send(writer.whole(all))
    }
    // A refusal before the first event is still an ordinary error with its own status.
    const first = await events.next()
    if (!first.done) nameProvidersRequest(reply, first.value)
    reply.hijack()
    startStream(reply, writer)
    await relay(first, events, writer, { out: reply.raw, idleTimeoutMs })
    return reply
  } finally {
    active.remove(place)
  }
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

function nameProvidersRequest(reply: FastifyReply, events: readonly StreamEvent[]): void {
  const named = events.find((event) => event.type === 'response-metadata' && event.requestId !== undefined)
  if (named?.type === 'response-metadata') void reply.header('x-inferloom-provider-request-id', named.requestId)
}

function startStream(reply: FastifyReply, { contentType = 'text/event-stream; charset=utf-8' }: AnswerWriter): void {
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': contentType,
    'cache-control': 'no-cache',
    connection: 'keep-alive',
    // nginx would collect the stream otherwise: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    'x-accel-buffering': 'no',
  })
}

async function relay(
  first: IteratorResult<readonly StreamEvent[]>,
  events: AsyncGenerator<readonly StreamEvent[]>,
  writer: AnswerWriter,
  { out, idleTimeoutMs }: { out: ServerResponse; idleTimeoutMs: number },
): Promise<void> {
  try {
    for (let next = first; !next.done; next = await events.next()) {
      const chunk = writer.chunk(next.value)
      if (chunk !== '' && !out.write(chunk)) await drained(out, idleTimeoutMs)
    }
    out.end(writer.end())
  } catch (error) {
    const known = asInferloomError(error)
    if (!out.destroyed) out.end(writer.fail(known))
    if (known.code === 'internal_error') throw error
  } finally {
    await events.return(undefined)
  }
}
