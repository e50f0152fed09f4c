import type { FastifyReply, FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { PassedDialect } from '../dialects/openai/relay-only.ts'
import type { Pipeline } from '../gateway/pipeline.ts'
import { formFields } from '../transport/form-fields.ts'
import type { Roster } from '../transport/roster.ts'
import { askedDeadline } from './asked-deadline.ts'
import { tellStanding } from './limit-headers.ts'
import { passOn } from './pass-on.ts'
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
  const deadline = askedDeadline(request.headers)
  const served = pipeline.passedTo(given, dialect)
  await whileConnected(active, reply, async (signal) => {
    const { id, text, caller, trace } = request
    const admitted = (standing: LimitStanding) => tellStanding(reply, standing)
    const context = {
      id,
      dialect: dialect.name,
      stream,
      receivedAt,
      signal,
      caller,
      trace,
      text,
      admitted,
      ...deadline,
    }
    const address = { model: given, stream }
    const options = { dialect, pipeline, idleTimeoutMs, served, address, context, anyForm: true }
    await passOn({ ...options, ...(form && { form }) }, request, reply)
  })
  return reply
}

const decisive = ['model', 'stream']
