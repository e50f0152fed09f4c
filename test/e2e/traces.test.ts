import { expect, test } from 'vitest'
import { startWithProviders } from '../provider-fixture.ts'
import { question, startTestServer, until } from '../server-fixture.ts'
import { json, sse, startUpstream, type Upstream } from '../upstream-fixture.ts'

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[]
  readonly status: { readonly code: number; readonly message?: string }
}

interface OtlpBody {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[]
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'

function spansIn({ asked }: Upstream): OtlpSpan[] {
  return asked.flatMap(({ body }) =>
    (JSON.parse(body) as OtlpBody).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  )
}

function attribute({ attributes }: OtlpSpan, name: string): unknown {
  return Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0]
}

async function spansOf(collector: Upstream, count: number): Promise<OtlpSpan[]> {
  await until(`${count} spans were exported`, () => spansIn(collector).length >= count)
  return spansIn(collector)
}

test('a request that is passed on is a span in its client’s trace, with its call of the provider below it', async () => {
  const collector = await startUpstream(() => json({}))
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }]
  const answer = { id: '1', model: 'm-1', choices, usage: { prompt_tokens: 3, completion_tokens: 4 } }
  const upstream = await startUpstream(() => json(answer))
  const server = await startWithProviders(
    { up: { kind: 'openai', key: 'sk-very-secret', baseUrl: upstream.url } },
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: 'api-key=for%20the%20collector' },
  )
  const body = { model: 'up/m', messages: [{ role: 'user', content: 'a private word' }] }
  for (const path of ['/v1/chat/completions', '/v1/messages']) {
    const asked = path === '/v1/messages' ? { ...body, max_tokens: 5 } : body
    await server.post(path, asked, { traceparent: `00-${traceId}-${parentId}-01` })
  }
  const spans = await spansOf(collector, 4)
  expect(collector.asked[0]).toMatchObject({ path: '/v1/traces', headers: { 'api-key': 'for the collector' } })
  const requests = spans.filter(({ kind }) => kind === 2)
  const calls = spans.filter(({ kind }) => kind === 3)
  expect([requests.length, calls.length]).toEqual([2, 2])
  for (const [index, request] of requests.entries()) {
    expect(request).toMatchObject({ traceId, parentSpanId: parentId, name: 'chat up/m', status: { code: 1 } })
    expect(attribute(request, 'gen_ai.usage.input_tokens')).toBe('3')
    expect(attribute(request, 'gen_ai.response.model')).toBe('m-1')
    const call = calls.find(({ parentSpanId }) => parentSpanId === request.spanId)
    expect(call?.traceId).toBe(traceId)
    // The provider is told of the very span in which it is asked.
    expect(upstream.asked[index]?.headers['traceparent']).toBe(`00-${traceId}-${call?.spanId}-01`)
    expect(BigInt(request.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(request.startTimeUnixNano))
  }
  const all = JSON.stringify(collector.asked)
  expect(all).not.toContain('a private word')
  expect(all).not.toContain('sk-very-secret')
})

test('of a local model there is what it took to read and to write, and errors are told by their code', async () => {
  const collector = await startUpstream(() => json({}))
  const server = await startTestServer({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/v1/traces` })
  try {
    await server.client.chat.completions.create({ model: 'loom-mini', messages: question, max_tokens: 4 })
    await server.post('/v1/chat/completions', { model: 'nobody', messages: question })
    const spans = await spansOf(collector, 5)
    const named = (name: string) => spans.find((span) => span.name === name)
    const [request, attempt] = spans.filter(({ name }) => name === 'chat loom-mini')
    expect(attempt?.parentSpanId).toBe(request?.spanId)
    expect(named('engine prefill')?.parentSpanId).toBe(attempt?.spanId)
    expect(attribute(named('engine decode') as OtlpSpan, 'gen_ai.usage.output_tokens')).toBe('4')
    expect(named('engine prefill')?.endTimeUnixNano).toBe(named('engine decode')?.startTimeUnixNano)
    expect(named('chat unknown')).toMatchObject({ status: { code: 2, message: 'model_not_found' } })
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
  } finally {
    await server.close()
  }
})

test('what is not sampled is not exported, and nobody waits for a collector that is down', async () => {
  const collector = await startUpstream(() => ({ status: 400, body: 'no' }))
  const upstream = await startUpstream(() => sse(['{"choices":[]}', '[DONE]']))
  const server = await startWithProviders(
    { up: { kind: 'openai', key: 'k', baseUrl: upstream.url } },
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: '0' },
  )
  const body = { model: 'up/m', messages: question, stream: true }
  const ask = async (headers = {}) => await (await server.post('/v1/chat/completions', body, headers)).text()
  await ask()
  await ask({ traceparent: `00-${traceId}-${parentId}-00` })
  for (const broken of ['', 'x', `00-${'0'.repeat(32)}-${parentId}-01`, `ff-${traceId}-${parentId}-01`]) {
    await ask({ traceparent: broken })
  }
  expect(upstream.asked.map(({ headers }) => headers['traceparent']?.slice(-3))).toEqual(Array(6).fill('-00'))
  // This one is, and its refusal by the collector disturbs nobody.
  await ask({ traceparent: `00-${traceId}-${parentId}-01` })
  await until('the collector was asked', () => collector.asked.length > 0)
  expect(spansIn(collector).every((span) => span.traceId === traceId)).toBe(true)
  expect((await server.get('/health')).status).toBe(200)
})
