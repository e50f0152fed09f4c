import type { StageResult, Sweep } from '../result.ts'
import { estimated, estimatedMs, milliseconds, number, percent } from './numbers.ts'

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

type Column = readonly [title: string, read: (stage: StageResult) => string | undefined]

const always: readonly Column[] = [
  ['requests', ({ completed }) => String(completed)],
  ['failed', ({ failed, unfinished }) => (unfinished > 0 ? `${failed} (+${unfinished} unfinished)` : String(failed))],
  ['requests/s', ({ requestsPerSecond }) => estimated(requestsPerSecond)],
  ['output tokens/s', ({ outputTokensPerSecond }) => estimated(outputTokensPerSecond)],
  ['prompt tokens/s', ({ promptTokensPerSecond }) => number(promptTokensPerSecond)],
]

const sometimes: readonly Column[] = [
  ['goodput/s', ({ goodput }) => goodput && estimated(goodput)],
  ['met targets', ({ metTargets }) => (metTargets === undefined ? undefined : percent(metTargets))],
  [
    'right answers',
    ({ quality }) => quality && `${percent(quality.value)} (${percent(quality.low)}–${percent(quality.high)})`,
  ],
  ['$ per 1,000', ({ costPerThousand }) => (costPerThousand === undefined ? undefined : number(costPerThousand))],
]

const metrics = [
  ['ttft', 'TTFT'],
  ['tpot', 'TPOT'],
  ['itl', 'ITL'],
  ['latency', 'latency'],
] as const

/** Throughput of each stage; columns that none of them has are left out. */
export function throughputTable({ stages }: Pick<Sweep, 'stages'>): Table {
  const columns = [...always, ...sometimes.filter(([, read]) => stages.some((stage) => read(stage) !== undefined))]
  return {
    head: ['', ...columns.map(([title]) => title)],
    rows: stages.map((stage) => [stage.name, ...columns.map(([, read]) => read(stage) ?? '–')]),
  }
}

/** Percentiles of each stage, with their intervals. */
export function latencyTable({ stages }: Pick<Sweep, 'stages'>): Table {
  const rows = stages.flatMap((stage) =>
    metrics.flatMap(([name, title]) => {
      const values = stage[name]
      if (!values) return []
      const { mean, p50, p90, p95, p99, most } = values
      return [[stage.name, title, milliseconds(mean), ...[p50, p90, p95, p99].map(estimatedMs), milliseconds(most)]]
    }),
  )
  return { head: ['', '', 'mean', 'p50', 'p90', 'p95', 'p99', 'slowest'], rows }
}

/** `4 at a time: http 503 ×12, reset ×3` */
export function errorLines({ stages }: Pick<Sweep, 'stages'>): string[] {
  return stages.flatMap(({ name, errors }) => {
    const classes = Object.entries(errors).map(([error, count]) => `${error} ×${count}`)
    return classes.length > 0 ? [`${name}: ${classes.join(', ')}`] : []
  })
}

/** Warnings with the stages that they are about; one that several stages have is said once. */
export function warningLines({ stages }: Pick<Sweep, 'stages'>): string[] {
  const byText = new Map<string, string[]>()
  for (const { name, warnings } of stages) {
    for (const warning of warnings) byText.set(warning, [...(byText.get(warning) ?? []), name])
  }
  return [...byText].map(([warning, names]) => `${names.join(', ')}: ${warning}`)
}

/** What a reader has to know to judge the numbers, or to get them again. */
export function aboutRows(result: {
  readonly target: string
  readonly dialect: string
  readonly command: string
  readonly startedAt: string
  readonly tookSeconds: number
  readonly client: string
  readonly seed: number
  readonly tokenCounts: string
}): readonly (readonly [string, string])[] {
  const { target, dialect, command, startedAt, tookSeconds, client, seed, tokenCounts } = result
  return [
    ['target', `${target} (${dialect})`],
    ['command', command],
    ['began', `${startedAt}, took ${tookSeconds.toFixed(0)} s`],
    ['asked from', client],
    ['seed', String(seed)],
    ['token counts', tokenCounts],
  ]
}

export const definitions =
  'TTFT: from when a request was due to its first token. TPOT: (latency − TTFT) / (output tokens − 1). ITL: time between two ' +
  'pieces of an answer. Latency: from when it was due to the end. In brackets: the interval that holds the true value in 95 ' +
  'of 100 cases; percentiles by order statistics, allowing for requests that resemble their neighbours, rates by ten spans of time.'
