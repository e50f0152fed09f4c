/**
 * Upper bounds of buckets, in seconds or tokens, as OpenTelemetry's conventions for generative AI advise, so that
 * figures of several servers add up: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 */
export const bounds = {
  duration: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  firstToken: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  perToken: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  tokens: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304],
} as const satisfies Record<string, readonly number[]>

/** How often values fell between bounds. */
export class Histogram {
  readonly bounds: readonly number[]
  /** One for each bound, and one for what is above all of them. */
  readonly counts: Float64Array
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let at = 0
    while (at < this.bounds.length && value > (this.bounds[at] ?? 0)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sum += value
    this.count++
  }

  /** Takes over what another one with the same bounds has counted. */
  add(other: Histogram): void {
    for (const [at, count] of other.counts.entries()) this.counts[at] = (this.counts[at] ?? 0) + count
    this.sum += other.sum
    this.count += other.count
  }
}
