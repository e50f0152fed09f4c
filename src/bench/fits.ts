import { linearRegression, linearRegressionLine, rSquared } from 'simple-statistics'

/** What a curve is for: the advisor and routing predict with it. Milliseconds and tokens. */
export type FitKind = 'ttft-by-prompt-tokens' | 'latency-by-output-tokens' | 'tokens-per-second-by-concurrency'

export interface FitLine {
  readonly kind: FitKind
  readonly model: string
  /** `linear`: y = a + b·x. `saturation`: y = x / (a + b·x), which tends to 1/b. */
  readonly form: 'linear' | 'saturation'
  readonly a: number
  readonly b: number
  /** Share of what varies that the curve explains. */
  readonly r2: number
  readonly points: number
}

/** Of R²: a curve that explains less is neither told nor drawn, because it would be believed. */
export const fitThatCounts = 0.8

type Point = readonly [x: number, y: number]

/** Undefined where there are fewer than three points or all have one x. */
export function fitLinear(kind: FitKind, model: string, points: readonly Point[]): FitLine | undefined {
  if (new Set(points.map(([x]) => x)).size < 2 || points.length < 3) return undefined
  const mutable = points.map(([x, y]) => [x, y])
  const { m, b } = linearRegression(mutable)
  const r2 = rSquared(mutable, linearRegressionLine({ m, b }))
  return { kind, model, form: 'linear', a: b, b: m, r2: Number.isFinite(r2) ? r2 : 1, points: points.length }
}

/**
 * Throughput of a server that works on many answers in one step: a step with n answers takes a + b·n, so that n of
 * them make n / (a + b·n) tokens a second. x / y is a line then.
 */
export function fitSaturation(kind: FitKind, model: string, points: readonly Point[]): FitLine | undefined {
  const usable = points.filter(([x, y]) => x > 0 && y > 0)
  const line = fitLinear(
    kind,
    model,
    usable.map(([x, y]) => [x, x / y]),
  )
  if (!line || line.a + line.b <= 0) return undefined
  const predicted = ([x]: Point) => x / (line.a + line.b * x)
  const mean = usable.reduce((sum, [, y]) => sum + y, 0) / usable.length
  const total = usable.reduce((sum, [, y]) => sum + (y - mean) ** 2, 0)
  const left = usable.reduce((sum, point) => sum + (point[1] - predicted(point)) ** 2, 0)
  return { ...line, form: 'saturation', r2: total === 0 ? 1 : Math.max(0, 1 - left / total) }
}

export function valueOf({ form, a, b }: FitLine, x: number): number {
  return form === 'linear' ? a + b * x : x / (a + b * x)
}
