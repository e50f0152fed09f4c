import type { AttemptOutcome } from './plan.ts'
import { DecayingQuantiles } from './quantiles.ts'

/** Tokens up to which prompts are counted together: what a first token takes depends on them. */
const promptBounds = [256, 1024, 4096, 16_384, 65_536, Infinity]
const halfLifeMs = 120_000
/** Weights below which too little is known. */
const enough = 1.5

/** What is expected of the time of an answer, in milliseconds. */
interface ExpectedTimes {
  readonly ttftMs: number
  readonly ttftP90Ms: number
  readonly ttftP95Ms: number
  readonly latencyMs: number
  readonly latencyP90Ms: number
  /** Tokens. */
  readonly output: number
}

/** What the latest answers of one candidate took. */
export class Observed {
  readonly #ttft = promptBounds.map(() => new DecayingQuantiles(halfLifeMs))
  readonly #tpot = new DecayingQuantiles(halfLifeMs)
  readonly #output = new DecayingQuantiles(halfLifeMs)

  add({ promptTokens, outputTokens, ttftMs, totalMs, ended }: AttemptOutcome, now: number): void {
    if (ended !== 'ok') return
    const first = ttftMs ?? totalMs
    this.#ttft[bucketOf(promptTokens ?? 0)]?.add(first, now)
    if (outputTokens === undefined || outputTokens < 1) return
    this.#output.add(outputTokens, now)
    if (outputTokens > 1) this.#tpot.add((totalMs - first) / (outputTokens - 1), now)
  }

  /** Undefined where nothing was seen lately. `most` is what the client allows of output tokens. */
  expected(promptTokens: number, most: number | undefined, now: number): ExpectedTimes | undefined {
    const ttft = this.#nearest(bucketOf(promptTokens), now)
    const ttftMs = ttft?.quantile(0.5)
    const ttftP90Ms = ttft?.quantile(0.9)
    const ttftP95Ms = ttft?.quantile(0.95)
    if (ttftMs === undefined || ttftP90Ms === undefined || ttftP95Ms === undefined) return undefined
    const output = Math.min(this.#output.quantile(0.5) ?? most ?? 1, most ?? Infinity)
    const much = Math.min(this.#output.quantile(0.9) ?? output, most ?? Infinity)
    const latencyMs = ttftMs + (this.#tpot.quantile(0.5) ?? 0) * Math.max(0, output - 1)
    const latencyP90Ms = ttftP90Ms + (this.#tpot.quantile(0.9) ?? 0) * Math.max(0, much - 1)
    return { ttftMs, ttftP90Ms, ttftP95Ms, latencyMs, latencyP90Ms, output }
  }

  /** Of prompts about as long; longer ones first, which promise nothing too early. */
  #nearest(bucket: number, now: number): DecayingQuantiles | undefined {
    for (let distance = 0; distance < promptBounds.length; distance++) {
      for (const at of [bucket + distance, bucket - distance]) {
        const quantiles = this.#ttft[at]
        if (quantiles && quantiles.weight(now) >= enough) return quantiles
      }
    }
    return undefined
  }
}

function bucketOf(promptTokens: number): number {
  return promptBounds.findIndex((bound) => promptTokens <= bound)
}
