import { expect, test } from 'vitest'
import type { AttemptRow, RequestRow } from '../../storage/tables.ts'
import { spansOf, type Span } from './spans.ts'
import { traceContext } from './trace-context.ts'

const row = {
  id: 'req_1',
  received_at: 1000,
  dialect: 'openai-chat',
  model: 'route',
  provider: 'up',
  served_model: 'm',
  total_ms: 500,
  ttft_ms: 300,
  queue_ms: 200,
  status: 200,
  error: null,
  cache: null,
  stream: 1,
  prompt_tokens: 3,
  output_tokens: 4,
} as unknown as RequestRow

const attempt = (number: number, more: Partial<AttemptRow>): AttemptRow => ({
  number,
  started_ms: 0,
  provider: 'up',
  model: 'm',
  reason: null,
  status: 200,
  error: null,
  prompt_tokens: null,
  output_tokens: null,
  ttft_ms: null,
  total_ms: 100,
  cost_usd: null,
  ...more,
})

const trace = traceContext(undefined, 1)
const shape = ({ name, kind, start, end, error, parentId }: Span) => ({
  name,
  kind,
  at: [start, end],
  error,
  isBelow: parentId === trace.spanId,
})

test('each call of a provider is a span: what failed has its error, what answered is named in traceparent', () => {
  const attempts = [
    attempt(1, {
      started_ms: 5,
      provider: 'down',
      model: 'a',
      status: 503,
      error: 'provider_overloaded',
      reason: 'cheapest',
    }),
    attempt(2, { started_ms: 200, total_ms: 300 }),
  ]
  const spans = spansOf({ row, attempts }, trace)
  expect(spans.map(shape)).toEqual([
    { name: 'chat route', kind: 'server', at: [1000, 1500], error: undefined, isBelow: false },
    { name: 'chat a', kind: 'client', at: [1005, 1105], error: 'provider_overloaded', isBelow: true },
    { name: 'chat m', kind: 'client', at: [1200, 1500], error: undefined, isBelow: true },
    { name: 'queue', kind: 'internal', at: [1000, 1005], error: undefined, isBelow: true },
  ])
  expect(spans[1]?.attributes).toMatchObject({
    'gen_ai.provider.name': 'down',
    'error.type': 'provider_overloaded',
    'http.response.status_code': 503,
    'inferloom.attempt': 1,
    'inferloom.reason': 'cheapest',
  })
  expect(spans[2]).toMatchObject({ spanId: trace.attemptId, attributes: { 'inferloom.attempt': 2 } })
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
})

test('one call needs no rows of its own', () => {
  expect(spansOf({ row }, trace).map(shape)).toMatchObject([
    { name: 'chat route' },
    { name: 'chat m', at: [1200, 1500] },
    { name: 'queue', at: [1000, 1200] },
  ])
})

test.each(['hit', 'shared', 'semantic'])('of an answer that was kept nobody was asked: %s', (cache) => {
  const spans = spansOf({ row: { ...row, cache, ttft_ms: 2 } }, trace)
  expect(spans.map(shape)).toEqual([
    { name: 'chat route', kind: 'server', at: [1000, 1500], error: undefined, isBelow: false },
    { name: 'cache', kind: 'internal', at: [1000, 1002], error: undefined, isBelow: true },
  ])
})

test('a cache that had nothing leaves the call as it is', () => {
  expect(spansOf({ row: { ...row, cache: 'miss' } }, trace).map(({ name }) => name)).toContain('chat m')
})
