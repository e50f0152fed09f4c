import type { KeptResult, KeptStage } from './read-result.ts'
import { noiseUnits, shareOf, type Estimate } from './statistics.ts'

export interface Difference {
  readonly sweep: string
  readonly stage: string
  readonly metric: string
  readonly before: Estimate
  readonly after: Estimate
  /** 0.1 is ten percent more; undefined where there was nothing before. */
  readonly change: number | undefined
  readonly verdict: 'better' | 'worse' | 'within the noise'
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** Stages that only one of them has. */
  readonly unmatched: readonly string[]
}

/**
 * In units of the noise. At 1.96 one comparison in twenty would be called a difference by chance; a run makes dozens of
 * them, at 3 one in four hundred is.
 */
const threshold = 3

/**
 * Values that a percentile is told from: four are expected beyond it. Of fewer its interval ends with the slowest, and
 * two runs that happen to have other slowest ones would differ.
 */
const fewest = { p50: 8, p90: 40, p99: 400 }

interface Metric {
  readonly name: string
  readonly read: (stage: KeptStage) => Estimate | undefined
  readonly moreIsBetter: boolean
}

const metrics: readonly Metric[] = [
  { name: 'requests/s', read: ({ requestsPerSecond }) => requestsPerSecond, moreIsBetter: true },
  { name: 'output tokens/s', read: ({ outputTokensPerSecond }) => outputTokensPerSecond, moreIsBetter: true },
  { name: 'goodput/s', read: ({ goodput }) => goodput, moreIsBetter: true },
  { name: 'right answers', read: ({ quality }) => quality, moreIsBetter: true },
  {
    name: 'failed share',
    read: ({ failed, sent }) => (sent > 0 ? shareOf(failed, sent) : undefined),
    moreIsBetter: false,
  },
  ...(['ttft', 'tpot', 'itl', 'latency'] as const).flatMap((name) =>
    (['p50', 'p90', 'p99'] as const).map((percentile) => ({
      name: `${name === 'latency' ? name : name.toUpperCase()} ${percentile}`,
      read: (stage: KeptStage) =>
        (stage[name]?.count ?? 0) >= fewest[percentile] ? stage[name]?.[percentile] : undefined,
      moreIsBetter: false,
    })),
  ),
]

/** Compares the stages that both runs have, and tells what differs by more than the noise within them. */
export function compare(before: KeptResult, after: KeptResult): Comparison {
  const [first, second] = [stagesOf(before), stagesOf(after)]
  const differences = [...first].flatMap(([key, { sweep, stage }]) => {
    const other = second.get(key)?.stage
    return other ? metrics.flatMap((metric) => differenceOf(sweep, stage, other, metric) ?? []) : []
  })
  const keys = [...first.keys(), ...second.keys()]
  const unmatched = keys
    .filter((key) => !first.has(key) || !second.has(key))
    .map((key) => JSON.parse(key).join(': ') as string)
  return { differences, unmatched }
}

function stagesOf({ sweeps }: KeptResult): Map<string, { sweep: string; stage: KeptStage }> {
  return new Map(
    sweeps.flatMap(({ kind, stages }) =>
      stages.map((stage) => [JSON.stringify([kind, stage.name]), { sweep: kind, stage }] as const),
    ),
  )
}

function differenceOf(sweep: string, one: KeptStage, other: KeptStage, metric: Metric): Difference | undefined {
  const [before, after] = [metric.read(one), metric.read(other)]
  if (!before || !after) return undefined
  const isMore = after.value > before.value
  const verdict =
    noiseUnits(before, after) < threshold ? 'within the noise' : isMore === metric.moreIsBetter ? 'better' : 'worse'
  const change = before.value === 0 ? undefined : after.value / before.value - 1
  return { sweep, stage: one.name, metric: metric.name, before, after, change, verdict }
}
