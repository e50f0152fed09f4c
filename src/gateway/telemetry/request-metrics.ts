import type { RequestRow } from '../../storage/tables.ts'
import { labelText, type Exposition } from './exposition.ts'
import { bounds, Histogram } from './histogram.ts'
import { operationOf } from './operations.ts'

/** Sets of labels that are kept apart; what comes after them is counted together as `other`. */
const mostSets = 150

const tokenKinds = {
  input: 'prompt_tokens',
  input_cached: 'cached_tokens',
  input_cache_write: 'cache_write_tokens',
  output: 'output_tokens',
  output_reasoning: 'reasoning_tokens',
} as const satisfies Record<string, keyof RequestRow>

/** What is counted of the requests that share one set of labels. */
class Series {
  readonly labels: string
  requests = 0
  readonly duration = new Histogram(bounds.duration)
  readonly firstToken = new Histogram(bounds.firstToken)
  readonly perToken = new Histogram(bounds.perToken)
  readonly gaps = new Histogram(bounds.perToken)
  readonly queue = new Histogram(bounds.firstToken)
  readonly inputTokens = new Histogram(bounds.tokens)
  readonly outputTokens = new Histogram(bounds.tokens)
  readonly tokens = new Float64Array(Object.keys(tokenKinds).length)
  cost = 0
  unknownCosts = 0

  constructor(labels: string) {
    this.labels = labels
  }

  observe(row: RequestRow, gaps: Histogram | undefined): void {
    this.requests++
    this.duration.observe(row.total_ms / 1000)
    if (row.ttft_ms !== null) this.firstToken.observe(row.ttft_ms / 1000)
    if (row.tpot_ms !== null) this.perToken.observe(row.tpot_ms / 1000)
    if (row.queue_ms !== null) this.queue.observe(row.queue_ms / 1000)
    if (row.prompt_tokens !== null) this.inputTokens.observe(row.prompt_tokens)
    if (row.output_tokens !== null) this.outputTokens.observe(row.output_tokens)
    if (gaps) this.gaps.add(gaps)
    let at = 0
    for (const name in tokenKinds) {
      const count = row[tokenKinds[name as keyof typeof tokenKinds]]
      this.tokens[at] = (this.tokens[at] ?? 0) + (count ?? 0)
      at++
    }
    if (row.cost_usd !== null) this.cost += row.cost_usd
    else if (row.prompt_tokens !== null) this.unknownCosts++
  }
}

/** Counts requests as they end, by what was asked, who served it and how it ended. */
export class RequestMetrics {
  readonly #sets = new Map<string, Series>()
  /** Of the last request: the next one is often of the same kind. */
  #last: { readonly row: RequestRow; readonly series: Series } | undefined

  observe(row: RequestRow, gaps?: Histogram): void {
    this.#seriesOf(row).observe(row, gaps)
  }

  write(out: Exposition): void {
    const sets = [...this.#sets.values()]
    const each = (name: string, help: string, of: (series: Series) => Histogram) => {
      out.metric(name, 'histogram', help)
      for (const series of sets) if (of(series).count > 0) out.histogram(name, series.labels, of(series))
    }
    out.metric('inferloom_requests_total', 'counter', 'Requests that ended.')
    for (const { labels, requests } of sets) out.value('inferloom_requests_total', labels, requests)
    each('gen_ai_server_request_duration_seconds', 'From receipt to the last byte.', (series) => series.duration)
    each(
      'gen_ai_server_time_to_first_token_seconds',
      'From receipt to the first output.',
      (series) => series.firstToken,
    )
    each(
      'gen_ai_server_time_per_output_token_seconds',
      'Mean of each request after its first token.',
      (s) => s.perToken,
    )
    each('inferloom_inter_token_latency_seconds', 'Between two pieces of one stream.', (series) => series.gaps)
    each('inferloom_queue_time_seconds', 'From receipt until it was sent.', (series) => series.queue)
    out.metric('gen_ai_client_token_usage', 'histogram', 'Tokens of each request.')
    for (const { labels, inputTokens, outputTokens } of sets) {
      const of = (type: string) => `${labels},gen_ai_token_type="${type}"`
      if (inputTokens.count > 0) out.histogram('gen_ai_client_token_usage', of('input'), inputTokens)
      if (outputTokens.count > 0) out.histogram('gen_ai_client_token_usage', of('output'), outputTokens)
    }
    out.metric('inferloom_tokens_total', 'counter', 'Tokens by kind; those of caches and thoughts are in their totals.')
    for (const { labels, tokens } of sets) {
      for (const [at, kind] of Object.keys(tokenKinds).entries()) {
        out.value('inferloom_tokens_total', `${labels},kind="${kind}"`, tokens[at] ?? 0)
      }
    }
    out.metric('inferloom_cost_usd_total', 'counter', 'What was charged, where the price is known.')
    for (const { labels, cost } of sets) out.value('inferloom_cost_usd_total', labels, cost)
    out.metric('inferloom_cost_unknown_total', 'counter', 'Requests with tokens whose price is not known.')
    for (const { labels, unknownCosts } of sets) out.value('inferloom_cost_unknown_total', labels, unknownCosts)
  }

  #seriesOf(row: RequestRow): Series {
    if (!this.#last || !areAlike(this.#last.row, row)) this.#last = { row, series: this.#find(row) }
    return this.#last.series
  }

  #find({ dialect, provider, model, error }: RequestRow): Series {
    // A name that nobody served is whatever a client chose to write.
    const asked = provider === null ? 'unknown' : model
    const key = `${dialect}\n${provider}\n${asked}\n${error}`
    const known = this.#sets.get(key)
    if (known) return known
    const isFull = this.#sets.size >= mostSets
    const labels = labelText({
      gen_ai_operation_name: isFull ? 'other' : operationOf(dialect),
      gen_ai_provider_name: isFull ? 'other' : (provider ?? 'none'),
      gen_ai_request_model: isFull ? 'other' : asked,
      dialect: isFull ? 'other' : dialect,
      error_type: isFull ? 'other' : (error ?? ''),
    })
    const series = (isFull && this.#sets.get('other')) || new Series(labels)
    this.#sets.set(isFull ? 'other' : key, series)
    return series
  }
}

function areAlike(a: RequestRow, b: RequestRow): boolean {
  return a.provider === b.provider && a.dialect === b.dialect && a.error === b.error && a.model === b.model
}
