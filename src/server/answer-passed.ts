import type { FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { PassedDialect } from '../dialects/openai/relay-only.ts'
import type { Pipeline, RequestContext } from '../gateway/pipeline.ts'
import type { Question } from '../gateway/question.ts'
import { formFields } from '../transport/form-fields.ts'
import type { Roster } from '../transport/roster.ts'
import { askedDeadline } from './asked-deadline.ts'
import { Delivery } from './delivery.ts'
import { relayedRequest } from './relayed-request.ts'
import { ToldHeaders } from './told-headers.ts'
import { whileConnected } from './while-connected.ts'

export interface AnswerPassedOptions {
  readonly dialect: PassedDialect
  readonly pipeline: Pipeline
  readonly idleTimeoutMs: number
  /** Requests being answered, so that a shutdown can end them. */
  readonly active: Roster<AbortController>
}

/** Passes a request on to its model's provider, in whatever form the answer comes; refuses it where that cannot be. */
export async function answerPassed(
  { dialect, pipeline, idleTimeoutMs, active }: AnswerPassedOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const receivedAt = performance.now() - reply.elapsedTime
  const form = request.form && { ...request.form, fields: formFields(request.form.bytes, request.form.type, decisive) }
  const body = request.body as Readonly<Record<string, unknown>> | null | undefined
  const given = form ? form.fields.get('model')?.value : body?.['model']
  if (given === undefined || given === '') {
    throw new InferloomError('missing_parameter', 'model is missing.', { param: 'model' })
  }
  if (typeof given !== 'string') throw new InferloomError('invalid_value', 'model must be a text.', { param: 'model' })
  const stream = form ? form.fields.get('stream')?.value === 'true' : body?.['stream'] === true
  const { id, text, caller, trace } = request
  await whileConnected(active, reply, async (signal) => {
    const context: RequestContext = {
      id,
      dialect: dialect.name,
      stream,
      receivedAt,
      signal,
      caller,
      trace,
      text,
      ...(isRecord(body) && { body }),
      announcer: new ToldHeaders(reply),
      deadlineMs: askedDeadline(request.headers),
    }
    pipeline.refuseUnlessPassed(given, context, dialect)
    const question: Question = {
      model: given,
      wire: dialect.name,
      isOnlyPassed: true,
      isRelayable: true,
      relayed: (served) => relayedRequest(dialect, request, { stream, trace, form }, served),
      understood: () => cannotBeRead(dialect),
    }
    const delivery = new Delivery(reply, { stream, idleTimeoutMs, anyForm: true, writer: () => cannotBeRead(dialect) })
    try {
      await delivery.end(await pipeline.answer(question, context, delivery))
    } catch (error) {
      delivery.fail(error, (known) => dialect.failEvent?.(known))
    }
  })
  return reply
}

function cannotBeRead({ what, path }: PassedDialect): never {
  const message = `A model of this route cannot ${what}: its provider does not take ${path}. Remedy: name a model of a provider that does.`
  throw new InferloomError('unsupported_parameter', message, { param: 'model' })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const decisive = ['model', 'stream']
