import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Address, AnswerWriter, Dialect } from '../dialects/dialect.ts'
import type { Pipeline } from '../gateway/pipeline.ts'

export interface AnswerOptions {
  readonly dialect: Dialect
  readonly pipeline: Pipeline
  readonly idleTimeoutMs: number
  /** Requests being answered, so that a shutdown can end them. */
  readonly active: Set<AbortController>
}

/** Answers one request in its dialect: parse, run the pipeline, render. */
export async function answer(options: AnswerOptions, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const receivedAt = performance.now() - reply.elapsedTime
  const { dialect } = options
  const address = { ...addressOf(dialect, request), ...(request.owner !== undefined && { owner: request.owner }) }
  const parsed = dialect.parse(request.body, address, await recalled(dialect, request.body, address))
  const controller = new AbortController()
  options.active.add(controller)
  const onClose = () => {
    if (!reply.raw.writableFinished)
      controller.abort(new InferloomError('client_closed', 'The client closed the connection.'))
  }
  reply.raw.once('close', onClose)
  try {
    const context = {
      id: request.id,
      dialect: dialect.name,
      stream: parsed.stream,
      receivedAt,
      signal: controller.signal,
    }
    const events = options.pipeline.run({ ...parsed.request, ...askedByHeader(request) }, context)
    const writer = parsed.writer(request.id)
    if (!parsed.stream) {
      const all: StreamEvent[] = []
      for await (const batch of events) all.push(...batch)
      return await reply.type('application/json; charset=utf-8').send(writer.whole(all))
    }
    // A refusal before the first event is still an ordinary error with its own status.
    const first = await events.next()
    reply.hijack()
    startStream(reply)
    await relay(first, events, writer, { out: reply.raw, idleTimeoutMs: options.idleTimeoutMs })
    return reply
  } finally {
    reply.raw.off('close', onClose)
    options.active.delete(controller)
  }
}

/** Whom a request is for, by its dialect; most name both in the body. */
function addressOf({ address }: Dialect, { body, params }: FastifyRequest): Address {
  const given = typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  if (address) return address(given, params as Readonly<Record<string, string>>)
  return { model: typeof given['model'] === 'string' ? given['model'] : '', stream: given['stream'] === true }
}

/** What the body refers to, where its dialect keeps anything that one can refer to. */
async function recalled({ recall }: Dialect, body: unknown, address: Address): Promise<unknown> {
  if (!recall || typeof body !== 'object' || body === null) return undefined
  return await recall(body as Readonly<Record<string, unknown>>, address)
}

/** A day: the longest that anyone can wait for. */
const longestDeadlineMs = 86_400_000

/** What comes beside the body whatever the dialect: who asks, and by when the answer is wanted. */
function askedByHeader({ headers, owner }: FastifyRequest): Pick<GenerateRequest, 'owner' | 'deadlineMs'> {
  const header = headers['x-inferloom-deadline']
  const deadlineMs = header === undefined ? undefined : Number(header)
  if (deadlineMs !== undefined && !(deadlineMs >= 1 && deadlineMs <= longestDeadlineMs)) {
    throw new InferloomError(
      'invalid_value',
      `x-inferloom-deadline = ${String(header).slice(0, 40)} is not valid: it is a number of milliseconds from 1 to ${longestDeadlineMs}.`,
      { param: 'x-inferloom-deadline' },
    )
  }
  return { ...(owner !== undefined && { owner }), ...(deadlineMs !== undefined && { deadlineMs }) }
}

function startStream(reply: FastifyReply): void {
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
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

/** Waits until the client has read what was written; one that reads nothing for too long is cut off. */
async function drained(out: ServerResponse, idleTimeoutMs: number): Promise<void> {
  const timer = setTimeout(() => out.destroy(), idleTimeoutMs)
  try {
    await Promise.race([once(out, 'drain'), once(out, 'close')])
  } finally {
    clearTimeout(timer)
  }
  if (out.destroyed) throw new InferloomError('client_closed', 'The client stopped reading.')
}
