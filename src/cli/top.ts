import { setTimeout as delay } from 'node:timers/promises'
import type { LoadedConfig } from '../config/load.ts'
import { bytes, table } from './format.ts'
import { ServerClient } from './server-client.ts'

interface Stats {
  readonly running: number
  readonly waiting: number
  readonly freeSlots: number
  readonly steps: number
  readonly promptTokens: number
  readonly outputTokens: number
  readonly cachedTokens: number
  readonly batchedTokens: number
  readonly cellsUsed: number
  readonly cells: number
}

interface ModelRow {
  readonly model: string
  readonly state: string
  readonly pinned: boolean
  readonly pid?: number
  readonly threads: number
  readonly restarts: number
  readonly memoryBytes?: number
  readonly waitingForLoad: number
  readonly stats?: Stats
}

interface Report {
  readonly data: readonly ModelRow[]
  readonly pool: { readonly budgetBytes: number; readonly usedBytes: number; readonly swaps: number }
}

interface Sample {
  readonly at: number
  readonly report: Report
}

const periodMs = 1000

/** Shows what each model of the running server is doing: again each second in a terminal, otherwise once. */
export async function top(
  loaded: LoadedConfig,
  { json = false, once = false }: { json?: boolean | undefined; once?: boolean | undefined },
): Promise<void> {
  const client = ServerClient.of(loaded)
  const sample = async (): Promise<Sample> => ({
    at: performance.now(),
    report: await client.json<Report>('/admin/engine'),
  })
  const ends = json || once || !process.stdout.isTTY
  for (let before = await sample(); ;) {
    // Rates need two looks.
    await delay(periodMs)
    const now = await sample()
    const rates = new Map(now.report.data.map((row) => [row.model, rateOf(row, before, now)]))
    if (json) {
      const data = now.report.data.map((row) => ({ ...row, tokensPerSecond: rates.get(row.model) ?? null }))
      process.stdout.write(`${JSON.stringify({ ...now.report, data }, null, 2)}\n`)
    } else {
      // ESC[H goes to the first line, ESC[J clears from there: nothing flickers.
      process.stdout.write((ends ? '' : '\u001B[H\u001B[J') + screen(now.report, rates, client.url))
    }
    if (ends) return
    before = now
  }
}

function screen({ data, pool }: Report, rates: ReadonlyMap<string, number | undefined>, url: string): string {
  const rows = data.map((row) => rowOf(row, rates.get(row.model)))
  const head = ['model', 'state', 'memory', 'pid', 'thr', 'run', 'wait', 'tok/s', 'batch', 'reuse', 'KV', 'eval/tok']
  const summary = `${bytes(pool.usedBytes)} of ${bytes(pool.budgetBytes)} for models, ${pool.swaps} swaps, ${url}`
  return `${table(head, rows)}\n${summary}\n`
}

const longestName = 22

function rowOf(row: ModelRow, rate: number | undefined): (string | number)[] {
  const { model, threads, pid, memoryBytes, stats, waitingForLoad } = row
  const name = model.length > longestName ? `${model.slice(0, longestName - 1)}…` : model
  const start = [name, stateOf(row), memoryBytes === undefined ? '–' : bytes(memoryBytes), pid ?? '–', threads]
  if (!stats) return [...start, '–', waitingForLoad, '–', '–', '–', '–', '–']
  const { running, freeSlots, waiting, steps, batchedTokens, cachedTokens, promptTokens, outputTokens } = stats
  return [
    ...start,
    `${running}/${running + freeSlots}`,
    waiting + waitingForLoad,
    rate === undefined ? '–' : Math.round(rate),
    ratio(batchedTokens, steps, (each) => each.toFixed(1)),
    ratio(cachedTokens, promptTokens, percent),
    ratio(stats.cellsUsed, stats.cells, percent),
    ratio(steps, outputTokens, (each) => each.toFixed(2)),
  ]
}

function stateOf({ state, stats, pinned }: ModelRow): string {
  const word = state === 'ready' ? (stats && stats.running > 0 ? 'loaded' : 'idle') : state
  return (word === 'starting' ? 'loading' : word) + (pinned ? ' *' : '')
}

/** Tokens that a model wrote in a second; nothing where its process is not the one of the look before. */
function rateOf(row: ModelRow, before: Sample, now: Sample): number | undefined {
  const earlier = before.report.data.find(({ model }) => model === row.model)
  if (!row.stats || !earlier?.stats || earlier.pid !== row.pid) return undefined
  return ((row.stats.outputTokens - earlier.stats.outputTokens) * 1000) / (now.at - before.at)
}

function ratio(part: number, whole: number, shown: (ratio: number) => string): string {
  return whole === 0 ? '–' : shown(part / whole)
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
