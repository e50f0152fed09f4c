import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OneShotDialect } from '../dialects/one-shot.ts'
import { ownerOf } from '../gateway/caller.ts'
import type { RequestContext } from '../gateway/pipeline.ts'
import type { Roster } from '../transport/roster.ts'
import { askedDeadline } from './asked-deadline.ts'
import { askedWishes } from './asked-wishes.ts'
import { costHeader, costText } from './cost-header.ts'
import { ToldHeaders } from './told-headers.ts'
import { whileConnected } from './while-connected.ts'

export interface AnswerOnceOptions<Request, Result> {
  readonly dialect: OneShotDialect<Request, Result>
  readonly run: (request: Request, context: RequestContext) => Promise<Result>
  /** Requests being answered, so that a shutdown can end them. */
  readonly active: Roster<AbortController>
}

/** Answers one request whose answer comes whole: parse, run, write. */
export async function answerOnce<Request, Result>(
  { dialect, run, active }: AnswerOnceOptions<Request, Result>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const receivedAt = performance.now() - reply.elapsedTime
  const recalled = await dialect.recall?.(isRecord(request.body) ? request.body : {}, ownerOf(request.caller) ?? '')
  const parsed = dialect.parse(request.body, request.params as Readonly<Record<string, string>>, recalled)
  const deadlineMs = askedDeadline(request.headers)
  return await whileConnected(active, reply, async (signal) => {
    const { id, text } = request
    const body = isRecord(request.body) ? request.body : {}
    // None of these answers has output tokens.
    const context = {
      caller: request.caller,
      trace: request.trace,
      id,
      dialect: dialect.name,
      stream: false,
      receivedAt,
      signal,
      text,
      body,
      announcer: new ToldHeaders(reply),
      maxOutputTokens: 0,
      deadlineMs,
      wishes: askedWishes(request.headers, body),
    }
    const result = await run(parsed.request, context)
    // Nobody counts the tokens of some models.
    const { cost } = (result ?? {}) as { readonly cost?: number | 'unknown' }
    if (cost !== undefined) void reply.header(costHeader, costText(cost))
    void reply.headers(parsed.headers?.(result) ?? {}).type('application/json; charset=utf-8')
    return await reply.send(parsed.write(request.id, result))
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
