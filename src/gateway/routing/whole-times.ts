import { Drift } from './drift.ts'
import { DecayingQuantiles, type Quantiles } from './quantiles.ts'

/** Each answer takes a fiftieth from the weight of those before it. */
const kept = 0.98
const halfLifeMs = 120_000
/** Shares are kept in thousandths, of which the quantiles know small and large ones. */
const shareUnit = 1000

/**
 * What answers take that come in one piece: nobody saw when their first token was there, so that what each token takes
 * is found out by comparing long answers with short ones (least squares, each weighted by its time).
 */
export class WholeTimes {
  /** How far off the line the answers were. */
  readonly #shares = new DecayingQuantiles(halfLifeMs)
  readonly #drift = new Drift()
  #n = 0
  #x = 0
  #y = 0
  #xx = 0
  #xy = 0

  add(outputTokens: number, totalMs: number, now: number): void {
    const x = outputTokens
    // Long answers are off by more milliseconds: what counts is by how much of their time.
    const weight = 1 / Math.max(1, totalMs) ** 2
    this.#n = this.#n * kept + weight
    this.#x = this.#x * kept + weight * x
    this.#y = this.#y * kept + weight * totalMs
    this.#xx = this.#xx * kept + weight * x * x
    this.#xy = this.#xy * kept + weight * x * totalMs
    this.#addShare(totalMs / this.#line(x), now)
  }

  /** One that would have taken longer; it had no more tokens than this. */
  addWaited(mostTokens: number, waitedMs: number, now: number): void {
    const usual = this.expected(mostTokens)
    if (usual && waitedMs > usual.p50) this.#addShare(waitedMs / this.#line(mostTokens), now)
  }

  get count(): number {
    return this.#shares.count
  }

  get seenAt(): number {
    return this.#shares.seenAt
  }

  /** Of an answer of so many tokens, in milliseconds; undefined where nothing was seen. */
  expected(outputTokens: number): Quantiles | undefined {
    const shares = this.#shares.get()
    if (!shares) return undefined
    const line = (this.#line(outputTokens) * this.#drift.factor(shares)) / shareUnit
    return { p50: line * shares.p50, p90: line * shares.p90, p95: line * shares.p95 }
  }

  #addShare(share: number, now: number): void {
    if (!(share > 0 && share < Infinity)) return
    const usual = this.#shares.get()
    if (usual) this.#drift.add(share * shareUnit, usual.p50)
    this.#shares.add(share * shareUnit, now)
  }

  #line(x: number): number {
    const meanX = this.#x / this.#n
    const meanY = this.#y / this.#n
    const variance = this.#xx / this.#n - meanX * meanX
    const covariance = this.#xy / this.#n - meanX * meanY
    // Where all are about as long, a longer one is expected to take longer in proportion: nothing says how much it is.
    const steepest = meanX > 0 ? meanY / meanX : 0
    const slope = variance > 0.01 * meanX * meanX ? Math.min(steepest, Math.max(0, covariance / variance)) : steepest
    return meanY + slope * (x - meanX)
  }
}
