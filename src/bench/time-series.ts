import { median } from 'simple-statistics'
import { latenciesOf } from './latencies.ts'
import type { Outcome } from './outcome.ts'
import type { TimeSeries } from './result.ts'
import { Spans } from './spans.ts'

const lengths = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const mostSpans = 60

/** What happened when, in 60 spans at most. */
export function timeSeries(outcomes: readonly Outcome[], beganAt: number, endedAt: number): TimeSeries {
  const length = Math.max(1, endedAt - beganAt)
  const spanMs = lengths.find((each) => length / each <= mostSpans) ?? length / mostSpans
  const count = Math.ceil(length / spanMs)
  const [tokens, requests, failed, inFlight] = Array.from({ length: 4 }, () => new Spans(beganAt, spanMs, count)) as [
    Spans,
    Spans,
    Spans,
    Spans,
  ]
  const ttfts: number[][] = Array.from({ length: count }, () => [])
  for (const outcome of outcomes) {
    const { sentAt, endAt, dueAt, error } = outcome
    addTokens(tokens, outcome)
    inFlight.addOver(sentAt, endAt, (endAt - sentAt) / spanMs)
    if (error === undefined) requests.addAt(endAt, 1)
    else failed.addAt(endAt, 1)
    const ttft = latenciesOf(outcome)?.ttft
    if (ttft !== undefined) ttfts[Math.floor((dueAt - beganAt) / spanMs)]?.push(ttft)
  }
  return {
    spanMs,
    outputTokensPerSecond: tokens.perSecond(),
    requestsPerSecond: requests.perSecond(),
    failed: failed.sums,
    ttft: ttfts.map((values) => (values.length === 0 ? null : median(values))),
    inFlight: inFlight.sums,
  }
}

/**
 * Tokens of an answer came one after another between its first piece and its last; of one that came whole, at some time
 * between its sending and its end.
 */
export function addTokens(spans: Spans, outcome: Outcome): void {
  const { firstAt, lastAt = firstAt, sentAt, endAt, error, outputTokens } = outcome
  if (firstAt === undefined || lastAt === undefined) {
    if (error === undefined) spans.addOver(sentAt, endAt, outputTokens)
    return
  }
  spans.addAt(firstAt, Math.min(1, outputTokens))
  if (outputTokens > 1) spans.addOver(firstAt, lastAt, outputTokens - 1)
}
