import { latenciesOf, type Latencies } from './latencies.ts'
import type { Outcome } from './outcome.ts'
import type { StageResult } from './result.ts'
import { meets, type Slo } from './slo.ts'
import { Spans } from './spans.ts'
import type { StageRun, StageSpec } from './stage.ts'
import { distributionOf, meanOfSpans, shareOf, type Distribution, type Estimate } from './statistics.ts'
import { addTokens, timeSeries } from './time-series.ts'
import { warningsOf } from './warnings.ts'

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
}

export interface SummaryOptions {
  readonly model: string
  readonly x: number
  readonly slo: Slo
  readonly price?: Price | undefined
}

/** Spans into which the window is cut, so that what varies between them tells how sure the means are. */
const spansOfWindow = 10
/** Classes of errors are named by servers; further ones are counted together. */
const mostErrorClasses = 30

/** Sums up what was seen in the window between warm-up and cool-down. */
export function summarize(run: StageRun, spec: StageSpec, options: SummaryOptions): StageResult {
  const { slo, model, x, price } = options
  const window = windowOf(run, spec)
  const measured = run.outcomes.filter(({ dueAt }) => dueAt >= window.from && dueAt <= window.to)
  measured.sort((a, b) => a.dueAt - b.dueAt)
  const failures = measured.filter(({ error }) => error !== undefined && error !== 'unfinished')
  const completed = measured.filter(({ error }) => error === undefined)
  const latencies = completed.flatMap((outcome) => latenciesOf(outcome) ?? [])
  const hasSlo = Object.keys(slo).length > 0
  const distribution = (name: keyof Latencies) =>
    optional(name, distributionOf(latencies.flatMap((each) => each[name] ?? [])))
  const rate = (add: (spans: Spans, outcome: Outcome) => void) => rateIn(window, run.outcomes, add)
  const met = latencies.filter((each) => meets(each, slo)).length
  const judged = measured.filter(({ isRight }) => isRight !== undefined)
  const lateness = distributionOf(measured.map(({ sentAt, dueAt }) => sentAt - dueAt))?.p99.value ?? 0
  const result = {
    name: spec.name,
    model,
    x,
    sent: measured.length,
    completed: completed.length,
    failed: failures.length,
    unfinished: measured.length - completed.length - failures.length,
    errors: countsOf(failures),
    windowSeconds: (window.to - window.from) / 1000,
    requestsPerSecond: rate(addCompleted),
    outputTokensPerSecond: rate(addTokens),
    promptTokensPerSecond: rate(addPrompt).value,
    ...(hasSlo && {
      goodput: rate((spans, outcome) => {
        const each = latenciesOf(outcome)
        if (each && meets(each, slo)) addCompleted(spans, outcome)
      }),
      metTargets: met / Math.max(1, measured.length),
    }),
    ...(judged.length > 0 && { quality: shareOf(judged.filter(({ isRight }) => isRight).length, judged.length) }),
    ...(price && completed.length > 0 && { costPerThousand: costOf(completed, price) }),
    ...distribution('ttft'),
    ...distribution('tpot'),
    ...optional('itl', distributionOf(run.gaps.values())),
    ...distribution('latency'),
    promptTokens: sum(completed, 'promptTokens'),
    cachedTokens: sum(completed, 'cachedTokens'),
    outputTokens: sum(completed, 'outputTokens'),
    latenessP99: lateness,
    mostInFlight: run.mostInFlight,
    series: timeSeries(run.outcomes, run.beganAt, run.endedAt),
  }
  return { ...result, warnings: warningsOf(run, spec, result) }
}

interface Window {
  readonly from: number
  readonly to: number
}

/**
 * A run that was over before its warm-up, or whose answers take longer than it, is measured as a whole: nothing else is
 * left of it.
 */
function windowOf(
  { outcomes, beganAt, sendingEndedAt, endedAt }: StageRun,
  { warmupMs, cooldownMs }: StageSpec,
): Window {
  const window = { from: beganAt + warmupMs, to: sendingEndedAt - cooldownMs }
  const whole = { from: beganAt, to: endedAt }
  let [ended, due] = [0, 0]
  for (const { endAt, dueAt, error } of outcomes) {
    if (error === undefined && endAt >= window.from && endAt <= window.to) ended++
    if (dueAt >= window.from && dueAt <= window.to) due++
  }
  const isShort = window.to - window.from < (sendingEndedAt - beganAt) * 0.2
  return isShort || ended < 2 || due < 2 ? whole : window
}

function rateIn(
  { from, to }: Window,
  outcomes: readonly Outcome[],
  add: (spans: Spans, outcome: Outcome) => void,
): Estimate {
  const spans = new Spans(from, Math.max(1, to - from) / spansOfWindow, spansOfWindow)
  for (const outcome of outcomes) add(spans, outcome)
  return meanOfSpans(spans.perSecond())
}

function addCompleted(spans: Spans, { endAt, error }: Outcome): void {
  if (error === undefined) spans.addAt(endAt, 1)
}

/** A prompt has been evaluated when the first token is there, or at the latest when the whole answer is. */
function addPrompt(spans: Spans, { firstAt, endAt, error, promptTokens }: Outcome): void {
  const at = firstAt ?? (error === undefined ? endAt : undefined)
  if (at !== undefined) spans.addAt(at, promptTokens)
}

function costOf(completed: readonly Outcome[], { input, output }: Price): number {
  const dollars = (sum(completed, 'promptTokens') * input + sum(completed, 'outputTokens') * output) / 1e6
  return (dollars * 1000) / completed.length
}

function sum(outcomes: readonly Outcome[], name: 'promptTokens' | 'cachedTokens' | 'outputTokens'): number {
  return outcomes.reduce((total, outcome) => total + outcome[name], 0)
}

function countsOf(failures: readonly Outcome[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { error = '' } of failures) {
    const name = counts.has(error) || counts.size < mostErrorClasses ? error : 'others'
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]))
}

function optional<Name extends string>(
  name: Name,
  value: Distribution | undefined,
): Partial<Record<Name, Distribution>> {
  return (value ? { [name]: value } : {}) as Partial<Record<Name, Distribution>>
}
