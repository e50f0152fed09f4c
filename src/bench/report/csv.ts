import type { BenchResult, StageResult, Sweep } from '../result.ts'

type Cell = string | number | undefined

const columns: readonly (readonly [name: string, read: (stage: StageResult, sweep: Sweep) => Cell])[] = [
  ['sweep', (_, { kind }) => kind],
  ['stage', ({ name }) => name],
  ['model', ({ model }) => model],
  ['x', ({ x }) => x],
  ['sent', ({ sent }) => sent],
  ['completed', ({ completed }) => completed],
  ['failed', ({ failed }) => failed],
  ['unfinished', ({ unfinished }) => unfinished],
  ['window_s', ({ windowSeconds }) => windowSeconds],
  ['requests_per_s', ({ requestsPerSecond }) => requestsPerSecond.value],
  ['output_tokens_per_s', ({ outputTokensPerSecond }) => outputTokensPerSecond.value],
  ['prompt_tokens_per_s', ({ promptTokensPerSecond }) => promptTokensPerSecond],
  ['goodput_per_s', ({ goodput }) => goodput?.value],
  ['met_targets', ({ metTargets }) => metTargets],
  ...(['ttft', 'tpot', 'itl', 'latency'] as const).flatMap((metric) => [
    [`${metric}_mean_ms`, (stage: StageResult) => stage[metric]?.mean] as const,
    ...(['p50', 'p90', 'p95', 'p99'] as const).flatMap((name) => [
      [`${metric}_${name}_ms`, (stage: StageResult) => stage[metric]?.[name].value] as const,
      [`${metric}_${name}_low_ms`, (stage: StageResult) => stage[metric]?.[name].low] as const,
      [`${metric}_${name}_high_ms`, (stage: StageResult) => stage[metric]?.[name].high] as const,
    ]),
    [`${metric}_max_ms`, (stage: StageResult) => stage[metric]?.most] as const,
  ]),
  ['prompt_tokens', ({ promptTokens }) => promptTokens],
  ['cached_tokens', ({ cachedTokens }) => cachedTokens],
  ['output_tokens', ({ outputTokens }) => outputTokens],
  ['quality', ({ quality }) => quality?.value],
  ['cost_per_1000_usd', ({ costPerThousand }) => costPerThousand],
  ['lateness_p99_ms', ({ latenessP99 }) => latenessP99],
]

/** A line for each stage. */
export function csvOf({ sweeps }: BenchResult): string {
  const rows = sweeps.flatMap((sweep) =>
    sweep.stages.map((stage) => columns.map(([, read]) => cell(read(stage, sweep)))),
  )
  return [columns.map(([name]) => name), ...rows].map((row) => `${row.join(',')}\n`).join('')
}

/** https://www.rfc-editor.org/rfc/rfc4180; a spreadsheet takes a text that begins with one of =+-@ for a formula. */
function cell(value: Cell): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return String(Math.round(value * 1e6) / 1e6)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
