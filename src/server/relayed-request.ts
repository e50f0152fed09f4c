import type { FastifyRequest } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { Address, Dialect } from '../dialects/dialect.ts'
import { traceparentOf, type TraceContext } from '../gateway/telemetry/trace-context.ts'
import type { Served } from '../gateway/models.ts'
import type { RelayRequest } from '../providers/provider.ts'
import type { FormField } from '../transport/form-fields.ts'
import { membersOf, splice } from '../transport/json-splice.ts'

export interface PassedForm {
  readonly bytes: Buffer
  readonly type: string
  readonly fields: ReadonlyMap<string, FormField>
}

/**
 * A request for one who speaks its client's wire: the client's bytes as they are, but for the name of the model. Fields
 * that nobody here knows survive.
 */
export function relayedRequest(
  dialect: Pick<Dialect, 'name' | 'forwardedHeaders'>,
  request: FastifyRequest,
  { stream, trace, form }: Pick<Address, 'stream'> & { trace: TraceContext | undefined; form?: PassedForm | undefined },
  { model }: Served,
): RelayRequest {
  const headers = forwarded(request, dialect.forwardedHeaders)
  if (trace) headers['traceparent'] = traceparentOf(trace)
  return {
    wire: dialect.name,
    model,
    body: form ? withFormModel(form, model) : withModel(request.text, model),
    stream,
    headers: form ? { ...headers, 'content-type': form.type } : headers,
  }
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
