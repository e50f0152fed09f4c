import { randomBytes } from 'node:crypto'
import type { LedgerContent, LedgerEntry } from '../../storage/ledger/ledger-batch.ts'
import type { AttemptRow, RequestRow } from '../../storage/tables.ts'
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

/** What a cache says of an answer that nobody had to make. */
const kept: ReadonlySet<string | null> = new Set(['hit', 'shared', 'semantic'])

/**
 * The spans of one request, made of its rows when it has ended: the request itself, its wait, every call of a provider,
 * and of a model on this machine what it took to read the prompt and to write the answer; or in place of them the cache
 * that had the answer. Named by https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
export function spansOf({ row, attempts = [] }: LedgerEntry, trace: TraceContext, content?: LedgerContent): Span[] {
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
  const child = (suffix: string, span: Omit<Span, 'traceId' | 'spanId' | 'parentId' | 'kind'>, under = spanId): Span =>
    of({ ...span, spanId: derived(spanId, suffix), parentId: under, kind: 'internal' })
  if (row.cache !== null && kept.has(row.cache)) {
    const attributes = { 'inferloom.cache': row.cache }
    return [request, child('4', { name: 'cache', start, end: start + (row.ttft_ms ?? row.total_ms), attributes })]
  }
  if (row.provider === null) return [request]
  // The last is the one that answered, if any did.
  const [last, lost] = [attempts.at(-1), attempts.slice(0, -1)]
  const sent = start + (last?.started_ms ?? row.queue_ms ?? 0)
  const attempt = of({
    spanId: attemptId,
    parentId: spanId,
    name: `${operation} ${last?.model ?? row.served_model ?? row.model}`,
    kind: kindOf(last?.provider ?? row.provider),
    start: sent,
    end: last ? sent + last.total_ms : end,
    attributes: { ...attributesOf(row, operation), ...(last && attemptAttributes(last)) },
    ...failed,
  })
  const spans = [request, ...lost.map((each) => of(lostAttempt(each, { parentId: spanId, operation, start }))), attempt]
  const waited = attempts[0]?.started_ms ?? row.queue_ms ?? 0
  if (waited >= 1) spans.push(child('1', { name: 'queue', start, end: start + waited, attributes: {} }))
  if (row.provider === 'local' && row.ttft_ms !== null) {
    const first = start + row.ttft_ms
    const read = { 'gen_ai.usage.input_tokens': row.prompt_tokens ?? 0 }
    const written = { 'gen_ai.usage.output_tokens': row.output_tokens ?? 0 }
    spans.push(child('2', { name: 'engine prefill', start: sent, end: first, attributes: read }, attemptId))
    spans.push(child('3', { name: 'engine decode', start: first, end, attributes: written }, attemptId))
  }
  return spans
}

function kindOf(provider: string): 'internal' | 'client' {
  return provider === 'local' ? 'internal' : 'client'
}

/** A try after which another one was made. */
function lostAttempt(
  attempt: AttemptRow,
  { parentId, operation, start }: { readonly parentId: string; readonly operation: string; readonly start: number },
): Omit<Span, 'traceId'> {
  const { provider, model, started_ms: startedMs, total_ms: totalMs, status, error } = attempt
  return {
    // They are few: an id for them is not taken from every request's share of random bytes.
    spanId: randomBytes(8).toString('hex'),
    parentId,
    name: `${operation} ${model}`,
    kind: kindOf(provider),
    start: start + startedMs,
    end: start + startedMs + totalMs,
    attributes: {
      'gen_ai.operation.name': operation,
      'http.response.status_code': status,
      ...attemptAttributes(attempt),
      ...(error !== null && { 'error.type': error }),
    },
    ...(error !== null && { error }),
  }
}

function attemptAttributes({ number, provider, model, reason }: AttemptRow): Record<string, Value> {
  return {
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
    'inferloom.attempt': number,
    ...(reason !== null && { 'inferloom.reason': reason }),
  }
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
