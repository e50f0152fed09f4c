import type { RequestRow, SavingColumns } from '../tables.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
export const dayMs = 86_400_000

export interface RollUp {
  readonly table: 'usage_minutes' | 'usage_hours' | 'usage_days'
  readonly periodMs: number
  /** Sums that are older are of no use any more: coarser ones say the same. */
  readonly keptMs: number
}

/** Finest first. Days begin at midnight UTC. */
export const rollUps: readonly [RollUp, RollUp, RollUp] = [
  { table: 'usage_minutes', periodMs: minuteMs, keptMs: 2 * dayMs },
  { table: 'usage_hours', periodMs: hourMs, keptMs: 92 * dayMs },
  { table: 'usage_days', periodMs: dayMs, keptMs: 3660 * dayMs },
]

/** What requests are told apart by in sums; empty where it is not known. */
export interface RollUpKey {
  /** Beginning of the period, in milliseconds since 1970. */
  at: number
  key_id: string
  team_id: string
  /** As it was asked for. */
  route: string
  provider: string
  /** As its provider calls it. */
  model: string
}

/** What is added up. Averages are left to the reader, who divides by the counts. */
export interface RollUpSums {
  requests: number
  errors: number
  /** Ended by their clients. */
  left_early: number
  prompt_tokens: number
  cached_tokens: number
  cache_write_tokens: number
  output_tokens: number
  reasoning_tokens: number
  cost_usd: number
  /** Of the cost of each request, for the width of intervals. */
  cost_squares: number
  priced: number
  /** Answered at a price that nobody knows. */
  unpriced: number
  ttft_ms: number
  ttft_count: number
  queue_ms: number
  total_ms: number
  /** Answers that were given before. */
  kept_answers: number
  /** US dollars that caches saved: of prompts, by their providers, and of answers. */
  prompt_cache_saved_usd: number
  answers_saved_usd: number
  /** Of those that a cache had a part in: at a price that nobody knows. */
  saved_unknown: number
}

export interface RollUpRow extends RollUpKey, RollUpSums {
  key_name: string
}

export const rollUpKeys = Object.keys({
  at: true,
  key_id: true,
  team_id: true,
  route: true,
  provider: true,
  model: true,
} satisfies Record<keyof RollUpKey, true>) as (keyof RollUpKey)[]

export const rollUpSums = Object.keys({
  requests: true,
  errors: true,
  left_early: true,
  prompt_tokens: true,
  cached_tokens: true,
  cache_write_tokens: true,
  output_tokens: true,
  reasoning_tokens: true,
  cost_usd: true,
  cost_squares: true,
  priced: true,
  unpriced: true,
  ttft_ms: true,
  ttft_count: true,
  queue_ms: true,
  total_ms: true,
  kept_answers: true,
  prompt_cache_saved_usd: true,
  answers_saved_usd: true,
  saved_unknown: true,
} satisfies Record<keyof RollUpSums, true>) as (keyof RollUpSums)[]

/** Sums of a batch of rows, so that each line of a roll-up is written once for all of them. */
export class BatchSums {
  readonly #lines = new Map<string, RollUpRow>()
  readonly #periodMs: number

  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  add(row: RequestRow, saved?: SavingColumns): void {
    const at = Math.floor(row.received_at / this.#periodMs) * this.#periodMs
    const route = routeOf(row)
    const key = `${at}\0${row.key_id}\0${row.team_id}\0${route}\0${row.provider}\0${row.served_model}`
    let line = this.#lines.get(key)
    if (!line) this.#lines.set(key, (line = emptyLine(at, route, row)))
    addTo(line, row)
    if (saved) addSavings(line, saved)
  }

  /** Of periods that consist of these. */
  coarser(periodMs: number): BatchSums {
    const sums = new BatchSums(periodMs)
    for (const line of this.#lines.values()) sums.#addLine(line)
    return sums
  }

  lines(): IterableIterator<RollUpRow> {
    return this.#lines.values()
  }

  #addLine(line: RollUpRow): void {
    const at = Math.floor(line.at / this.#periodMs) * this.#periodMs
    const key = `${at}\0${line.key_id}\0${line.team_id}\0${line.route}\0${line.provider}\0${line.model}`
    const sum = this.#lines.get(key)
    if (!sum) return void this.#lines.set(key, { ...line, at })
    for (const name of rollUpSums) sum[name] += line[name]
  }
}

/** Names that nobody serves are the client's own invention: they would make a line each. */
function routeOf({ model, provider, status }: RequestRow): string {
  return provider === null || status === 404 || status === 400 ? '' : model
}

function emptyLine(at: number, route: string, row: RequestRow): RollUpRow {
  return {
    at,
    key_id: row.key_id ?? '',
    team_id: row.team_id ?? '',
    route,
    provider: row.provider ?? '',
    model: route === '' ? '' : (row.served_model ?? ''),
    key_name: row.key_name ?? '',
    requests: 0,
    errors: 0,
    left_early: 0,
    prompt_tokens: 0,
    cached_tokens: 0,
    cache_write_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    cost_usd: 0,
    cost_squares: 0,
    priced: 0,
    unpriced: 0,
    ttft_ms: 0,
    ttft_count: 0,
    queue_ms: 0,
    total_ms: 0,
    kept_answers: 0,
    prompt_cache_saved_usd: 0,
    answers_saved_usd: 0,
    saved_unknown: 0,
  }
}

/** Whether nobody was asked for it. */
export function isKept({ cache }: Pick<RequestRow, 'cache'>): boolean {
  return cache === 'hit' || cache === 'shared' || cache === 'semantic'
}

function addTo(line: RollUpRow, row: RequestRow): void {
  const { status, cost_usd: cost } = row
  line.requests++
  if (status === 499) line.left_early++
  else if (status >= 400) line.errors++
  line.prompt_tokens += row.prompt_tokens ?? 0
  if (isKept(row)) line.kept_answers += status < 400 ? 1 : 0
  else {
    // Of an answer that was given before they were read and written then.
    line.cached_tokens += row.cached_tokens ?? 0
    line.cache_write_tokens += row.cache_write_tokens ?? 0
  }
  line.output_tokens += row.output_tokens ?? 0
  line.reasoning_tokens += row.reasoning_tokens ?? 0
  if (cost !== null) {
    line.cost_usd += cost
    line.cost_squares += cost * cost
    line.priced++
  } else if (row.prompt_tokens !== null || row.output_tokens !== null) {
    line.unpriced++
  }
  if (row.ttft_ms !== null) {
    line.ttft_ms += row.ttft_ms
    line.ttft_count++
  }
  line.queue_ms += row.queue_ms ?? 0
  line.total_ms += row.total_ms
}

function addSavings(
  line: RollUpRow,
  { prompt_cache_saved_usd: prompt, answer_saved_usd: answer }: SavingColumns,
): void {
  line.prompt_cache_saved_usd += prompt ?? 0
  line.answers_saved_usd += answer ?? 0
  if (prompt === null && answer === null) line.saved_unknown++
}
