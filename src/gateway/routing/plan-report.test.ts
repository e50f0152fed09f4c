import { expect, test } from 'vitest'
import type { Plan } from './plan.ts'
import { planReport } from './plan-report.ts'

test('a plan is told in a bounded number of words', () => {
  const served = { provider: {} as never, model: 'm' }
  const prediction = {
    ttftMs: 123.456,
    ttftP90Ms: 200,
    ttftP95Ms: 210,
    latencyMs: 1234.56,
    latencyP90Ms: undefined,
    cost: 0.000123456,
    outputTokens: 90,
    quality: undefined,
  }
  const candidates = Array.from({ length: 200 }, (_, index) => ({ served, id: `p/${index}`, prediction }))
  const excluded = candidates.map(({ id }) => ({ id, why: 'is not there now' }))
  const plan: Plan = { route: 'r', objective: 'cheapest', candidates, excluded, why: 'cheapest of 200' }
  const report = JSON.parse(planReport(plan)) as Record<string, readonly unknown[]>
  expect(report).toMatchObject({ route: 'r', objective: 'cheapest', of: 400 })
  expect(report['candidates']?.length).toBe(20)
  expect(report['candidates']?.[0]).toEqual({
    id: 'p/0',
    ttft_ms: 123.5,
    latency_ms: 1234.6,
    latency_p90_ms: null,
    output_tokens: 90,
    cost_usd: 0.000123,
    quality: null,
  })
  expect(report['excluded']?.length).toBe(20)
})
