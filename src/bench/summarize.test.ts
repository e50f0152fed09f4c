import { expect, test } from 'vitest'
import { GapSample } from './gap-sample.ts'
import type { Outcome } from './outcome.ts'
import type { Drive, StageRun, StageSpec } from './stage.ts'
import { summarize } from './summarize.ts'

const workload = { about: 'hand-made', next: () => expect.fail() }

function spec(drive: Drive, more: Partial<StageSpec> = {}): StageSpec {
  const times = { durationMs: 10_000, warmupMs: 1000, cooldownMs: 1000, drainMs: 5000 }
  return { name: 'stage', drive, workload, requests: 1e6, mostInFlight: 100, ...times, ...more }
}

/** Answered with eleven tokens, the first after 100 ms and then one each 10 ms. */
function answered(dueAt: number, more: Partial<Outcome> = {}): Outcome {
  const [firstAt, endAt] = [dueAt + 100, dueAt + 200]
  const tokens = { promptTokens: 50, cachedTokens: 0, outputTokens: 11, estimated: 'none' as const, pieces: 11 }
  return { dueAt, sentAt: dueAt, firstAt, lastAt: endAt, endAt, ...tokens, ...more }
}

function run(outcomes: readonly Outcome[], more: Partial<StageRun> = {}): StageRun {
  const gaps = new GapSample(() => 0.5)
  for (const gap of [10, 10, 12]) gaps.add(gap)
  const counts = { unsent: 0, heldBack: 0, undrained: 0, mostInFlight: 1, ended: 'done' as const }
  return { outcomes, gaps, beganAt: 0, sendingEndedAt: 10_000, endedAt: 10_200, ...counts, ...more }
}

const closed: Drive = { kind: 'closed', concurrency: 1 }
const options = { model: 'm', x: 1, slo: {} }
/** One begins when the one before has ended, five a second. */
const steady = Array.from({ length: 50 }, (_, index) => answered(50 + index * 200))

test('only what was due between warm-up and cool-down counts, and rates are those of that window', () => {
  const slowStart = answered(0, { firstAt: 900, lastAt: 990, endAt: 990 })
  const stage = summarize(run([slowStart, ...steady.slice(4)]), spec(closed), options)
  expect(stage).toMatchObject({
    sent: 40,
    completed: 40,
    failed: 0,
    windowSeconds: 8,
    warnings: [expect.stringContaining('Fewer')],
  })
  expect(stage.ttft).toMatchObject({ count: 40, mean: 100, most: 100 })
  expect(stage.tpot?.p50.value).toBe(10)
  expect(stage.latency?.p99.value).toBe(200)
  expect(stage.requestsPerSecond.value).toBeCloseTo(5, 5)
  expect(stage.outputTokensPerSecond.value).toBeCloseTo(55, 0)
  expect(stage.promptTokensPerSecond).toBeCloseTo(250, 5)
  expect(stage.itl?.most).toBe(12)
})

test('goodput counts what met every target; what failed did not', () => {
  const outcomes = steady.map((outcome, index) => {
    if (index % 5 === 0) return { ...outcome, error: 'http 503' }
    return index % 5 === 1 ? { ...outcome, firstAt: outcome.dueAt + 150 } : outcome
  })
  const stage = summarize(run(outcomes), spec(closed, { warmupMs: 0, cooldownMs: 0 }), {
    ...options,
    slo: { ttft: 120 },
  })
  expect(stage).toMatchObject({ completed: 40, failed: 10, errors: { 'http 503': 10 } })
  expect(stage.metTargets).toBeCloseTo(0.6, 5)
  expect(stage.goodput?.value).toBeCloseTo(2.9, 5)
})

test('latency counts from when a request was due: a server that stands still shows in all that wait for it', () => {
  // Due each 200 ms; the server answers nothing for four seconds, and then all at once.
  const stalled = steady.map(({ dueAt }) =>
    dueAt < 4000 ? answered(dueAt, { firstAt: 4100, lastAt: 4200, endAt: 4200 }) : answered(dueAt),
  )
  const open: Drive = { kind: 'open', arrivals: { pattern: 'fixed', rate: 5 } }
  const stage = summarize(run(stalled), spec(open, { warmupMs: 0, cooldownMs: 0 }), options)
  expect(stage.latency?.p50.value).toBeCloseTo(200, 0)
  expect(stage.latency?.p90.value).toBeGreaterThan(3000)
})

test('a run that is over before its warm-up is measured as a whole', () => {
  const stage = summarize(run(steady.slice(0, 3), { sendingEndedAt: 450, endedAt: 600 }), spec(closed), options)
  expect(stage).toMatchObject({ sent: 3, completed: 3, windowSeconds: 0.6 })
})

test('answers that take longer than the stage are measured all the same', () => {
  const slow = [0, 10].map((dueAt) =>
    answered(dueAt, { firstAt: dueAt + 200, lastAt: dueAt + 30_000, endAt: dueAt + 30_000 }),
  )
  const stage = summarize(run(slow, { endedAt: 30_010 }), spec(closed), options)
  expect(stage).toMatchObject({ sent: 2, completed: 2, windowSeconds: 30.01 })
})

test('what could not be held is said', () => {
  const open: Drive = { kind: 'open', arrivals: { pattern: 'fixed', rate: 100 } }
  const late = steady.map((outcome) => ({ ...outcome, sentAt: outcome.dueAt + 40 }))
  const all = (more: Partial<StageRun>, outcomes = steady) =>
    summarize(run(outcomes, more), spec(open), options).warnings.join('\n')
  expect(all({ unsent: 950 })).toMatch(/of 100 requests a second 5 were sent \(950 never were\)/)
  expect(all({ heldBack: 7 })).toMatch(/7 requests waited here because 100 were under way/)
  expect(all({ undrained: 3 })).toMatch(/3 requests were not answered 5 s after/)
  expect(all({ ended: 'no answers' })).toMatch(/found no server/)
  expect(all({ ended: 'interrupted' })).toMatch(/Interrupted/)
  expect(all({}, late)).toMatch(/generator was late.*40 ms/)
  const waiting = steady.map((outcome, index) => (index > 20 ? { ...outcome, endAt: 10_100 } : outcome))
  expect(all({}, waiting)).toMatch(/did not keep up: 5\.0 requests a second were sent/)
})

test('classes of errors are bounded, since servers name them', () => {
  const outcomes = steady.map((outcome, index) => ({ ...outcome, error: `http 500 e${index}` }))
  const { errors, failed, completed, ttft } = summarize(
    run(outcomes),
    spec(closed, { warmupMs: 0, cooldownMs: 0 }),
    options,
  )
  expect(Object.keys(errors)).toHaveLength(31)
  expect([failed, completed, ttft, errors['others']]).toEqual([50, 0, undefined, 20])
})

test('cost and quality', () => {
  const judged = steady.map((outcome, index) => ({ ...outcome, isRight: index % 2 === 0 }))
  const stage = summarize(run(judged), spec(closed), { ...options, price: { input: 1, output: 10 } })
  expect(stage.quality?.value).toBeCloseTo(0.5, 1)
  // 50 · $1 + 11 · $10 for a million
  expect(stage.costPerThousand).toBeCloseTo(0.16, 5)
})
