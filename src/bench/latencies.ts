import type { Outcome } from './outcome.ts'

/** Of one request, in milliseconds. */
export interface Latencies {
  /** From when it was due to the first thing that the model wrote; absent of an answer that came whole. */
  readonly ttft?: number
  /** (latency − TTFT) / (output tokens − 1); absent where there was one token. */
  readonly tpot?: number
  /** From when it was due to the end of the answer. */
  readonly latency: number
}

/** Undefined where the request failed. */
export function latenciesOf({ dueAt, firstAt, endAt, outputTokens, error }: Outcome): Latencies | undefined {
  if (error !== undefined) return undefined
  const latency = endAt - dueAt
  if (firstAt === undefined) return { latency }
  const ttft = firstAt - dueAt
  return { ttft, latency, ...(outputTokens > 1 && { tpot: (latency - ttft) / (outputTokens - 1) }) }
}
