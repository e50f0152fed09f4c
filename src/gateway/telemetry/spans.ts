import type { LedgerContent } from '../../storage/ledger/ledger-batch.ts'
import type { RequestRow } from '../../storage/tables.ts'
import { operationOf } from './operations.ts'
import type { TraceContext } from './trace-context.ts'

type Value = string | number | boolean | readonly string[]

/** A span as OTLP knows it; times are milliseconds since 1970. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentId?: string
  readonly name: string
  readonly kind: 'server' | 'client' | 'internal'
  readonly start: number
  readonly end: number
  readonly attributes: Readonly<Record<string, Value>>
  /** The code of the error that ended it. */
  readonly error?: string
}

/**
 * The spans of one request, made of its row when it has ended: the request itself, its wait, the call of its provider,
 * and of a model on this machine what it took to read the prompt and to write the answer. Named by
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
export function spansOf(row: RequestRow, trace: TraceContext, content?: LedgerContent): Span[] {
  const { traceId, spanId, parentId, attemptId } = trace
  const operation = operationOf(row.dialect)
  const start = row.received_at
  const end = start + row.total_ms
  const name = `${operation} ${row.provider === null ? 'unknown' : row.model}`
  const failed = row.error === null ? {} : { error: row.error }
  const of = (span: Omit<Span, 'traceId'>): Span => ({ traceId, ...span })
  const request = of({
    spanId,
    name,
    kind: 'server',
    start,
    end,
    attributes: { ...attributesOf(row, operation), ...contentOf(content) },
    ...(parentId !== undefined && { parentId }),
    ...failed,
  })
  if (row.provider === null) return [request]
  const sent = start + (row.queue_ms ?? 0)
  const child = (suffix: string, span: Omit<Span, 'traceId' | 'spanId' | 'parentId' | 'kind'>, under = spanId): Span =>
    of({ ...span, spanId: derived(spanId, suffix), parentId: under, kind: 'internal' })
  const attempt = of({
    spanId: attemptId,
    parentId: spanId,
    name: `${operation} ${row.served_model ?? row.model}`,
    kind: row.provider === 'local' ? 'internal' : 'client',
    start: sent,
    end,
    attributes: attributesOf(row, operation),
    ...failed,
  })
  const spans = [request, attempt]
  if ((row.queue_ms ?? 0) >= 1) spans.push(child('1', { name: 'queue', start, end: sent, attributes: {} }))
  if (row.provider === 'local' && row.ttft_ms !== null) {
    const first = start + row.ttft_ms
    const read = { 'gen_ai.usage.input_tokens': row.prompt_tokens ?? 0 }
    const written = { 'gen_ai.usage.output_tokens': row.output_tokens ?? 0 }
    spans.push(child('2', { name: 'engine prefill', start: sent, end: first, attributes: read }, attemptId))
    spans.push(child('3', { name: 'engine decode', start: first, end, attributes: written }, attemptId))
  }
  return spans
}

function attributesOf(row: RequestRow, operation: string): Record<string, Value> {
  const known: Record<string, Value | null> = {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': row.provider,
    'gen_ai.request.model': row.model,
    'gen_ai.response.model': row.served_model,
    'gen_ai.response.id': row.id,
    'gen_ai.response.finish_reasons': row.finish_reason === null ? null : [row.finish_reason],
    'gen_ai.usage.input_tokens': row.prompt_tokens,
    'gen_ai.usage.output_tokens': row.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': row.cached_tokens,
    'gen_ai.usage.cache_creation.input_tokens': row.cache_write_tokens,
    'http.response.status_code': row.status,
    'error.type': row.error,
    'inferloom.dialect': row.dialect,
    'inferloom.stream': row.stream === 1,
    'inferloom.key': row.key_name,
    'inferloom.ttft_ms': row.ttft_ms,
    'inferloom.tpot_ms': row.tpot_ms,
    'inferloom.queue_ms': row.queue_ms,
    'inferloom.cost_usd': row.cost_usd,
    'inferloom.cache': row.cache,
  }
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, Value] => entry[1] !== null))
}

function contentOf(content: LedgerContent | undefined): Record<string, string> {
  if (!content) return {}
  return {
    ...(content.asked !== null && { 'gen_ai.input.messages': content.asked }),
    ...(content.answered !== null && { 'gen_ai.output.messages': content.answered }),
  }
}

/** Another id of the same request, without asking for more random bytes. */
function derived(spanId: string, digit: string): string {
  return spanId.startsWith(digit) ? `e${spanId.slice(1, -1)}${digit}` : `${digit}${spanId.slice(1)}`
}
