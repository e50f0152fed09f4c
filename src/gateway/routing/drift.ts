import type { Quantiles } from './quantiles.ts'

/** What one answer counts for: after five, what was before counts a third. */
const weight = 0.2
/** One answer that is very late may be chance; counted as no more than so many times as long (a natural logarithm). */
const mostOff = 1.2
/** From where on it is no chance, where times do not vary much: half as much again. */
const leastDrift = 0.4
/** Of a normal distribution, where nine of ten are below. */
const ninetieth = 1.2816

/**
 * Whether answers have lately become slower or quicker than they are remembered: what is remembered for minutes learns
 * of it too late.
 */
export class Drift {
  #off = 0

  /** An answer that took so long, where so long was usual. */
  add(took: number, usual: number): void {
    const off = Math.log(Math.max(took, 0.01) / Math.max(usual, 0.01))
    this.#off += weight * (Math.max(-mostOff, Math.min(mostOff, off)) - this.#off)
  }

  /** What times are to be multiplied by; 1 where their difference may be chance. */
  factor({ p50, p90 }: Quantiles): number {
    const spread = Math.log(p90 / p50) / ninetieth
    return Math.abs(this.#off) < Math.max(leastDrift, spread) ? 1 : Math.exp(this.#off)
  }
}
