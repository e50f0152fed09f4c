import { fitThatCounts, valueOf, type FitLine } from '../fits.ts'
import { meanOutput, meanPrompt } from '../lessons.ts'
import type { StageResult, Sweep, SweepKind } from '../result.ts'

/** One plot; the page draws it. */
export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly x: readonly number[]
  readonly series: readonly Series[]
}

interface Series {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Without a line between them. */
  readonly pointsOnly?: boolean
  readonly isDashed?: boolean
}

type Draw = (sweep: Sweep) => Chart[]

const percentiles = ['p50', 'p90', 'p99'] as const

const charts: Readonly<Record<SweepKind, Draw>> = {
  concurrency: (sweep) => [
    throughputAgainstLatency(sweep),
    against(sweep, 'Output tokens a second', 'requests at a time', ({ x }) => x, [
      ['measured', ({ outputTokensPerSecond }) => outputTokensPerSecond.value],
    ]),
    latencies(sweep, 'TTFT', 'ttft', 'requests at a time', ({ x }) => x),
    latencies(sweep, 'TPOT', 'tpot', 'requests at a time', ({ x }) => x),
  ],
  rate: (sweep) => [
    throughputAgainstLatency(sweep),
    latencies(sweep, 'TTFT', 'ttft', 'requests a second', ({ x }) => x),
    latencies(sweep, 'Latency', 'latency', 'requests a second', ({ x }) => x),
  ],
  replay: () => [],
  'prompt-length': (sweep) => [
    sweep.stages.some(({ ttft }) => ttft)
      ? latencies(sweep, 'TTFT', 'ttft', 'prompt tokens', meanPrompt)
      : latencies(sweep, 'Latency', 'latency', 'prompt tokens', meanPrompt),
  ],
  'output-length': (sweep) => [latencies(sweep, 'Latency', 'latency', 'output tokens', meanOutput)],
  model: () => [],
}

/** The plots of a sweep, then those over time. */
export function chartsOf(sweep: Sweep): Chart[] {
  const usable = { ...sweep, stages: sweep.stages.filter(({ completed }) => completed > 0) }
  const drawn = usable.stages.length < 2 ? [] : charts[sweep.kind](usable)
  return [...drawn, ...overTime(sweep)].filter(hasValues)
}

/** Answers that come whole have no time to their first token. */
function hasValues({ series }: Chart): boolean {
  return series.some(({ values }) => values.some((value) => value !== null && value !== undefined))
}

function throughputAgainstLatency(sweep: Sweep): Chart {
  const latency = (stage: StageResult) => stage.latency?.p50.value ?? 0
  const stages = sweep.stages.toSorted((a, b) => latency(a) - latency(b))
  return {
    title: 'Throughput against latency',
    xLabel: 'latency p50, ms',
    yLabel: 'output tokens a second',
    x: stages.map(latency),
    series: [
      { label: 'output tokens/s', values: stages.map(({ outputTokensPerSecond }) => outputTokensPerSecond.value) },
    ],
  }
}

type Read = (stage: StageResult) => number | undefined

function against(
  sweep: Sweep,
  title: string,
  xLabel: string,
  x: (stage: StageResult) => number,
  lines: readonly (readonly [string, Read])[],
): Chart {
  const stages = sweep.stages.toSorted((a, b) => x(a) - x(b))
  const xs = stages.map(x)
  const fit = sweep.fits.find(({ r2 }) => r2 >= fitThatCounts)
  return {
    title,
    xLabel,
    yLabel: title,
    x: xs,
    series: [
      ...lines.map(([label, read]) => ({ label, values: stages.map((stage) => read(stage) ?? null) })),
      ...(fit ? [fitted(fit, xs)] : []),
    ],
  }
}

function latencies(
  sweep: Sweep,
  title: string,
  metric: 'ttft' | 'tpot' | 'latency',
  xLabel: string,
  x: (stage: StageResult) => number,
): Chart {
  const kinds: Readonly<Record<string, string>> = { ttft: 'ttft-by-prompt-tokens', latency: 'latency-by-output-tokens' }
  const fits = sweep.fits.filter(({ kind }) => kind === kinds[metric])
  const lines = percentiles.map((name) => [name, (stage: StageResult) => stage[metric]?.[name].value] as const)
  return { ...against({ ...sweep, fits }, title, xLabel, x, lines), yLabel: `${title}, ms` }
}

function fitted(fit: FitLine, xs: readonly number[]): Series {
  return { label: `curve (R² ${fit.r2.toFixed(2)})`, values: xs.map((x) => valueOf(fit, x)), isDashed: true }
}

/** All stages one after another. */
function overTime({ stages }: Sweep): Chart[] {
  const x: number[] = []
  const rows: { tokens: number; inFlight: number; ttft: number | null; failed: number }[] = []
  let beganAt = 0
  for (const { series } of stages) {
    const { spanMs, outputTokensPerSecond, inFlight, ttft, failed } = series
    for (const [index, tokens] of outputTokensPerSecond.entries()) {
      x.push((beganAt + (index + 0.5) * spanMs) / 1000)
      rows.push({ tokens, inFlight: inFlight[index] ?? 0, ttft: ttft[index] ?? null, failed: failed[index] ?? 0 })
    }
    beganAt += outputTokensPerSecond.length * spanMs
  }
  if (x.length < 2) return []
  const shared = { xLabel: 'seconds', x }
  const hasFailures = rows.some(({ failed }) => failed > 0)
  return [
    {
      ...shared,
      title: 'Over time: output tokens a second',
      yLabel: 'tokens/s',
      series: [{ label: 'output tokens/s', values: rows.map(({ tokens }) => tokens) }],
    },
    {
      ...shared,
      title: 'Over time: TTFT',
      yLabel: 'TTFT p50, ms',
      series: [{ label: 'TTFT p50', values: rows.map(({ ttft }) => ttft), pointsOnly: true }],
    },
    {
      ...shared,
      title: 'Over time: requests under way',
      yLabel: 'requests',
      series: [
        { label: 'under way', values: rows.map(({ inFlight }) => inFlight) },
        ...(hasFailures ? [{ label: 'failed', values: rows.map(({ failed }) => failed) }] : []),
      ],
    },
  ]
}
