import { expect, test } from 'vitest'
import { Observed } from './observed.ts'
import type { AttemptOutcome, PlannedFor } from './plan.ts'

const output = { p50: 100, p90: 100 }
const streamed = { promptTokens: 500, stream: true }
const whole = { promptTokens: 500, stream: false }
const asked = (stream: boolean): PlannedFor => ({
  route: 'r',
  promptTokens: 500,
  maxOutputTokens: 100,
  longTokens: 100,
  stream,
})
const ok = (ttftMs: number, totalMs: number, outputTokens = 100, promptTokens = 500): AttemptOutcome => ({
  promptTokens,
  outputTokens,
  ttftMs,
  totalMs,
  ended: 'ok',
})
const cut = (totalMs: number): AttemptOutcome => ({
  promptTokens: undefined,
  outputTokens: undefined,
  ttftMs: undefined,
  totalMs,
  ended: 'failed',
})

test('of nothing, nothing is expected; of one answer, not that all are alike', () => {
  const observed = new Observed()
  expect(observed.expected(streamed, output)).toBeUndefined()
  observed.add(ok(200, 200 + 99 * 10), undefined, 0)
  const expected = observed.expected(streamed, output)
  expect(expected?.ttft.p50).toBeCloseTo(200, -1)
  expect(expected?.latency?.p50).toBeCloseTo(1190, -2)
  expect(expected?.latency?.p90).toBeGreaterThan(1.3 * 1190)
  for (let index = 0; index < 100; index++) observed.add(ok(200, 1190), undefined, index)
  expect(observed.expected(streamed, output)?.latency?.p90).toBeLessThan(1.1 * 1190)
})

test('longer answers take longer, and longer prompts begin later', () => {
  const observed = new Observed()
  for (let index = 0; index < 20; index++) {
    observed.add(ok(200, 1190), undefined, index)
    observed.add(ok(2000, 2990, 100, 20_000), undefined, index)
  }
  expect(observed.expected(streamed, { p50: 500, p90: 500 })?.latency?.p50).toBeCloseTo(200 + 499 * 10, -3)
  expect(observed.expected({ promptTokens: 30_000, stream: true }, output)?.ttft.p50).toBeCloseTo(2000, -2)
  // Where such prompts were never seen, longer ones promise nothing too early.
  expect(observed.expected({ promptTokens: 8000, stream: true }, output)?.ttft.p50).toBeCloseTo(2000, -2)
})

test('what came in one piece is told apart by its length, and does not make first tokens late', () => {
  const observed = new Observed()
  for (let index = 0; index < 60; index++) {
    const tokens = 20 + ((index * 37) % 400)
    const totalMs = 300 + 10 * tokens
    observed.add(ok(totalMs - 1, totalMs, tokens), undefined, index)
  }
  expect(observed.expected(whole, { p50: 50, p90: 50 })?.latency?.p50).toBeCloseTo(800, -2)
  expect(observed.expected(whole, { p50: 400, p90: 400 })?.latency?.p50).toBeCloseTo(4300, -3)
  observed.add(ok(250, 1250), undefined, 60)
  expect(observed.expected(streamed, output)?.ttft.p50).toBeCloseTo(250, -1)
})

test('who is too slow to be seen answering is not believed to be as quick as before', () => {
  for (const stream of [true, false]) {
    const observed = new Observed()
    const one = stream ? ok(200, 1190) : ok(1190, 1190)
    for (let index = 0; index < 30; index++) observed.add(one, asked(stream), index)
    for (let index = 0; index < 60; index++) observed.add(cut(5000), asked(stream), 10_000 + index * 1000)
    expect(observed.expected({ promptTokens: 500, stream }, output)?.latency?.p50).toBeGreaterThan(4000)
  }
})

test('a failure that is quick, and a wait that is short, say nothing', () => {
  const observed = new Observed()
  observed.add(cut(5), asked(true), 0)
  expect(observed.expected(streamed, output)).toBeUndefined()
  for (let index = 0; index < 10; index++) observed.add(ok(200, 1190), asked(true), index)
  const before = observed.expected(streamed, output)
  observed.add(cut(5), asked(true), 11)
  observed.add({ ...cut(500), ended: 'refused' }, asked(true), 12)
  expect(observed.expected(streamed, output)).toEqual(before)
})
