import type { LoadedConfig } from '../config/load.ts'
import { count, dollars, duration, table } from './format.ts'
import { ServerClient } from './server-client.ts'

export interface UsageOptions {
  readonly by?: string
  readonly since?: string
  readonly until?: string
  readonly project?: string
  readonly csv?: boolean
  readonly json?: boolean
}

interface Line {
  readonly group: string
  readonly name: string | null
  readonly requests: number
  readonly errors: number
  readonly left_early: number
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly cache_write_tokens: number
  readonly output_tokens: number
  readonly reasoning_tokens: number
  readonly cost_usd: number
  readonly priced: number
  readonly unpriced: number
  readonly ttft_ms: number
  readonly ttft_count: number
  readonly queue_ms: number
  readonly total_ms: number
  readonly kept_answers: number
  readonly prompt_cache_saved_usd: number
  readonly answers_saved_usd: number
  readonly saved_unknown: number
}

interface Spread {
  readonly mean: number | null
  readonly low: number | null
  readonly high: number | null
}

interface Projection {
  readonly requests_per_day: number
  readonly method: string
  readonly usd_per_day: Spread
  readonly usd_per_month: Spread
}

interface Usage {
  readonly by: string
  readonly since: string
  readonly until: string
  readonly data: readonly Line[]
  readonly projection?: Projection
}

/** Shows sums of the running server's ledger, and what as many requests as wanted would cost. */
export async function usage(loaded: LoadedConfig, options: UsageOptions): Promise<void> {
  const asked = Object.entries(options).filter(
    ([name, value]) => ['by', 'since', 'until', 'project'].includes(name) && typeof value === 'string',
  ) as [string, string][]
  const path = `/admin/usage?${new URLSearchParams(asked).toString()}`
  const answer = await ServerClient.of(loaded).json<Usage>(path)
  if (options.json) return void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  if (options.csv) return void process.stdout.write(csv(answer))
  process.stdout.write(`${screen(answer)}${answer.projection ? `\n${projectionText(answer.projection)}` : ''}`)
}

function screen({ by, since, until, data }: Usage): string {
  const rows = data.map((line) => [
    nameOf(line).slice(0, 40),
    line.requests,
    line.errors,
    count(line.prompt_tokens),
    count(line.cached_tokens),
    count(line.output_tokens),
    line.ttft_count === 0 ? '–' : duration(line.ttft_ms / line.ttft_count),
    // Unknown is not nothing: a sum of which a part is missing is marked.
    line.priced === 0 && line.unpriced > 0 ? 'unknown' : dollars(line.cost_usd) + (line.unpriced > 0 ? ' +?' : ''),
    savedOf(line),
    line.unpriced,
  ])
  const head = [by, 'requests', 'errors', 'prompt', 'cached', 'output', 'TTFT', 'cost', 'saved', 'unpriced']
  const total = data.reduce((sum, { cost_usd: cost }) => sum + cost, 0)
  const unpriced = data.reduce((sum, line) => sum + line.unpriced, 0)
  const missing = unpriced === 0 ? '' : `, and ${unpriced} requests whose price is unknown`
  return `${table(head, rows)}\n${dollars(total)} from ${since} to ${until}${missing}\n${savings(data)}`
}

/** By caches; less than nothing where what was written to one cost more than reading it saved. */
function savedOf(line: Line): string {
  const { kept_answers: kept, cached_tokens: read, cache_write_tokens: written, saved_unknown: unknown } = line
  if (kept + read + written === 0) return '–'
  return dollars(line.prompt_cache_saved_usd + line.answers_saved_usd) + (unknown > 0 ? ' +?' : '')
}

function savings(data: readonly Line[]): string {
  const sum = (name: keyof Line) => data.reduce((total, line) => total + Number(line[name]), 0)
  const [read, written, kept] = [sum('cached_tokens'), sum('cache_write_tokens'), sum('kept_answers')]
  const lines = [
    ...(read + written === 0
      ? []
      : [
          `caches of prompts  ${gained(sum('prompt_cache_saved_usd'))}: ${count(read)} tokens read from them, ${count(written)} written`,
        ]),
    ...(kept === 0 ? [] : [`kept answers       ${gained(sum('answers_saved_usd'))}: ${kept} given again`]),
  ]
  const unknown = sum('saved_unknown')
  if (unknown > 0) lines.push(`and what ${unknown} requests saved whose price is unknown`)
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}

function gained(usd: number): string {
  return usd < 0 ? `${dollars(-usd)} lost` : `${dollars(usd)} saved`
}

function nameOf({ group, name }: Line): string {
  if (group === '') return '(none)'
  return name === null || name === '' || name === group ? group : `${name} (${group})`
}

function projectionText({ requests_per_day: perDay, method, usd_per_day: day, usd_per_month: month }: Projection) {
  const shown = ({ mean, low, high }: Spread) =>
    low === null ? dollars(mean) : `${dollars(mean)} (${dollars(low)} to ${dollars(high)})`
  const lines = [
    `${perDay.toLocaleString('en')} requests a day`,
    `  a day    ${shown(day)}`,
    `  a month  ${shown(month)}`,
  ]
  return `${lines.join('\n')}\n${method}\n`
}

const csvColumns = [
  'group',
  'name',
  'requests',
  'errors',
  'left_early',
  'prompt_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_usd',
  'priced',
  'unpriced',
  'ttft_ms',
  'ttft_count',
  'queue_ms',
  'total_ms',
  'kept_answers',
  'prompt_cache_saved_usd',
  'answers_saved_usd',
  'saved_unknown',
] as const satisfies readonly (keyof Line)[]

/** RFC 4180, and no cell that a spreadsheet would run: https://owasp.org/www-community/attacks/CSV_Injection */
function csv({ by, data }: Usage): string {
  const head = csvColumns.map((name) => (name === 'group' ? by : name))
  const rows = data.map((line) => csvColumns.map((name) => csvCell(line[name])))
  return [head, ...rows].map((cells) => `${cells.join(',')}\r\n`).join('')
}

function csvCell(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(harmless) || harmless !== value ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
