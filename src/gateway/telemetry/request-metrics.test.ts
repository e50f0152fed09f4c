import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RequestRow } from '../../storage/tables.ts'
import { Exposition } from './exposition.ts'
import { bounds, Histogram } from './histogram.ts'
import { RequestMetrics } from './request-metrics.ts'

function row(more: Partial<RequestRow> = {}): RequestRow {
  const given: Partial<RequestRow> = {
    dialect: 'openai-chat',
    model: 'm',
    provider: 'up',
    error: null,
    total_ms: 150,
    ttft_ms: 30,
    tpot_ms: 12,
    queue_ms: 2,
    prompt_tokens: 10,
    cached_tokens: 4,
    cache_write_tokens: null,
    output_tokens: 11,
    reasoning_tokens: null,
    cost_usd: 0.5,
    ...more,
  }
  return given as RequestRow
}

function textOf(metrics: RequestMetrics): string[] {
  const out = new Exposition()
  metrics.write(out)
  return out.text().split('\n')
}

const labels =
  'gen_ai_operation_name="chat",gen_ai_provider_name="up",gen_ai_request_model="m",dialect="openai-chat",error_type=""'

test('requests are counted by what was asked, who served it and how it ended', () => {
  const metrics = new RequestMetrics()
  metrics.observe(row())
  metrics.observe(row({ cost_usd: null, total_ms: 20_000 }))
  metrics.observe(row({ error: 'rate_limited' }))
  const lines = textOf(metrics)
  expect(lines).toContain(`inferloom_requests_total{${labels}} 2`)
  expect(lines).toContain(`inferloom_requests_total{${labels.replace(/""$/, '"rate_limited"')}} 1`)
  expect(lines).toContain(`gen_ai_server_request_duration_seconds_bucket{${labels},le="0.16"} 1`)
  expect(lines).toContain(`gen_ai_server_request_duration_seconds_bucket{${labels},le="20.48"} 2`)
  expect(lines).toContain(`gen_ai_server_request_duration_seconds_bucket{${labels},le="+Inf"} 2`)
  expect(lines).toContain(`gen_ai_server_request_duration_seconds_sum{${labels}} 20.15`)
  expect(lines).toContain(`inferloom_tokens_total{${labels},kind="input_cached"} 8`)
  expect(lines).toContain(`inferloom_cost_usd_total{${labels}} 0.5`)
  expect(lines).toContain(`inferloom_cost_unknown_total{${labels}} 1`)
})

test('names that nobody serves are one, and names never end a label', () => {
  const metrics = new RequestMetrics()
  metrics.observe(row({ provider: null, model: 'a', error: 'model_not_found' }))
  metrics.observe(row({ provider: null, model: 'b', error: 'model_not_found' }))
  metrics.observe(row({ model: 'x"} 1\nevil{y="' }))
  const lines = textOf(metrics).filter((line) => line.startsWith('inferloom_requests_total'))
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(/gen_ai_request_model="unknown".* 2$/)
  expect(lines[1]).toContain(String.raw`gen_ai_request_model="x\"} 1\nevil{y=\""`)
})

test('however many models there are, series are bounded and every request is counted', () => {
  const metrics = new RequestMetrics()
  for (let at = 0; at < 1000; at++) metrics.observe(row({ model: `m${at}` }))
  const lines = textOf(metrics).filter((line) => line.startsWith('inferloom_requests_total'))
  expect(lines).toHaveLength(151)
  expect(lines.at(-1)).toMatch(/gen_ai_request_model="other".* 850$/)
})

test('buckets of a histogram count what is not above their bound', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (values) => {
      const histogram = new Histogram(bounds.firstToken)
      for (const value of values) histogram.observe(value)
      const out = new Exposition()
      out.histogram('h', '', histogram)
      const lines = out.text().split('\n')
      for (const bound of bounds.firstToken) {
        expect(lines).toContain(`h_bucket{le="${bound}"} ${values.filter((value) => value <= bound).length}`)
      }
      expect(lines).toContain(`h_count ${values.length}`)
    }),
  )
})
