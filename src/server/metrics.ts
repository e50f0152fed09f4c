import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { EnginePool } from '../engine/pool.ts'
import type { Ledger } from '../gateway/ledger/ledger.ts'
import { Exposition, labelText } from '../gateway/telemetry/exposition.ts'
import type { ProviderLimits } from '../gateway/telemetry/provider-limits.ts'
import type { RequestMetrics } from '../gateway/telemetry/request-metrics.ts'
import { version } from '../version.ts'
import { writeLevers } from './lever-metrics.ts'
import type { Levers } from './levers.ts'

interface MetricsParts {
  readonly requests: RequestMetrics
  readonly limits: ProviderLimits
  readonly ledger: Ledger
  readonly pool: EnginePool
  readonly active: { readonly size: number }
  readonly levers: Pick<Levers, 'report'>
}

type Report = Awaited<ReturnType<EnginePool['report']>>
type Stats = NonNullable<Report['data'][number]['stats']>

/** Milliseconds that a scrape waits for engines; one in the middle of an evaluation is shown as it was before. */
const engineWaitMs = 10
/** The first one has nothing to show from before: without their names a dashboard would seem broken. */
const firstWaitMs = 1000

/** What Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function addMetricsRoute(
  app: FastifyInstance,
  { requests, limits, ledger, pool, active, levers }: MetricsParts,
): void {
  const eventLoop = monitorEventLoopDelay({ resolution: 20 })
  eventLoop.enable()
  app.addHook('onClose', () => void eventLoop.disable())
  let latest: Report | undefined
  app.get('/metrics', async (_, reply) => {
    const asked = pool.report().then((report) => (latest = withFormerStats(report, latest)))
    await Promise.race([asked, delay(latest ? engineWaitMs : firstWaitMs)])
    const out = new Exposition()
    out.metric('inferloom_build_info', 'gauge', 'The version that runs.')
    out.value('inferloom_build_info', labelText({ version, node: process.version }), 1)
    requests.write(out)
    limits.write(out)
    out.single('inferloom_requests_in_flight', 'gauge', 'Requests that are being answered.', active.size)
    writeLevers(out, levers.report())
    if (latest) writeEngines(out, latest)
    writeLedger(out, ledger)
    writeProcess(out, eventLoop)
    // Each scrape has the delays since the one before.
    eventLoop.reset()
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(out.text())
  })
}

/** An engine that is busy evaluating tells no numbers in time; counters must not seem to begin anew. */
function withFormerStats(report: Report, former: Report | undefined): Report {
  const data = report.data.map((each) => {
    const before = former?.data.find(({ model, pid }) => model === each.model && pid === each.pid)
    return { ...each, stats: each.stats ?? before?.stats }
  })
  return { ...report, data }
}

/** By the names that gateways for pools of inference servers read: https://docs.vllm.ai/en/latest/usage/metrics/ */
const likeVllm: readonly (readonly [
  name: string,
  kind: 'gauge' | 'counter',
  help: string,
  of: (stats: Stats) => number,
])[] = [
  ['vllm:num_requests_running', 'gauge', 'Requests that decode.', ({ running }) => running],
  ['vllm:num_requests_waiting', 'gauge', 'Requests that wait for their turn.', ({ waiting }) => waiting],
  ['vllm:kv_cache_usage_perc', 'gauge', 'Share of the KV cache in use, from 0 to 1.', kvUse],
  ['vllm:gpu_cache_usage_perc', 'gauge', 'The same by its former name.', kvUse],
  ['vllm:prompt_tokens_total', 'counter', 'Prompt tokens.', ({ promptTokens }) => promptTokens],
  ['vllm:generation_tokens_total', 'counter', 'Output tokens.', ({ outputTokens }) => outputTokens],
  ['vllm:prefix_cache_queries_total', 'counter', 'Prompt tokens looked up.', ({ promptTokens }) => promptTokens],
  ['vllm:prefix_cache_hits_total', 'counter', 'Prompt tokens that were there.', ({ cachedTokens }) => cachedTokens],
  ['vllm:spec_decode_num_draft_tokens_total', 'counter', 'Tokens guessed ahead.', ({ draftedTokens }) => draftedTokens],
  ['vllm:spec_decode_num_accepted_tokens_total', 'counter', 'Of these, right ones.', (stats) => stats.acceptedTokens],
  ['inferloom_engine_steps_total', 'counter', 'Evaluations.', ({ steps }) => steps],
  ['inferloom_engine_batched_tokens_total', 'counter', 'Tokens in all evaluations.', (stats) => stats.batchedTokens],
  ['inferloom_engine_decode_seconds_total', 'counter', 'Time in evaluations.', ({ decodeMs }) => decodeMs / 1000],
]

function kvUse({ cellsUsed, cells }: Stats): number {
  return cells > 0 ? cellsUsed / cells : 0
}

function writeEngines(out: Exposition, { data, pool }: Report): void {
  for (const [name, kind, help, of] of likeVllm) {
    out.metric(name, kind, help)
    for (const { model, stats } of data) {
      // A model that is not loaded has nothing running and nothing waiting, which is what a balancer wants to know.
      if (stats) out.value(name, labelText({ model_name: model }), of(stats))
      else if (kind === 'gauge') out.value(name, labelText({ model_name: model }), 0)
    }
  }
  out.metric('inferloom_engine_restarts_total', 'counter', 'Times an engine had to be started again.')
  for (const { model, restarts } of data) {
    out.value('inferloom_engine_restarts_total', labelText({ model_name: model }), restarts)
  }
  out.metric('inferloom_model_loaded', 'gauge', 'Whether a model is in memory.')
  for (const { model, pid } of data) out.value('inferloom_model_loaded', labelText({ model_name: model }), pid ? 1 : 0)
  out.single('inferloom_model_memory_budget_bytes', 'gauge', 'For all models together.', pool.budgetBytes)
  out.single('inferloom_model_memory_used_bytes', 'gauge', 'Of the models that are loaded.', pool.usedBytes)
  out.single('inferloom_model_swaps_total', 'counter', 'Models that left memory for another.', pool.swaps)
}

function writeLedger(out: Exposition, ledger: Ledger): void {
  const { held, lost, trouble } = ledger.state()
  out.single('inferloom_ledger_held_rows', 'gauge', 'Rows that wait to be written.', held)
  out.single('inferloom_ledger_lost_rows_total', 'counter', 'Rows that could not be kept.', lost)
  out.single('inferloom_ledger_writable', 'gauge', 'Whether rows can be written.', trouble === undefined ? 1 : 0)
}

function writeProcess(out: Exposition, eventLoop: ReturnType<typeof monitorEventLoopDelay>): void {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  out.single('process_resident_memory_bytes', 'gauge', 'Memory of the gateway.', rss)
  out.single('process_cpu_seconds_total', 'counter', 'Processor time of the gateway.', (user + system) / 1e6)
  out.single('process_start_time_seconds', 'gauge', 'Since 1970.', Math.round(Date.now() / 1000 - process.uptime()))
  out.single('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript in use.', heapUsed)
  out.single('nodejs_heap_size_total_bytes', 'gauge', 'Set aside for JavaScript.', heapTotal)
  out.single('nodejs_external_memory_bytes', 'gauge', 'Buffers.', external)
  const lag = 'Delay of the event loop since the last scrape: '
  out.single('nodejs_eventloop_lag_p50_seconds', 'gauge', `${lag}the median.`, eventLoop.percentile(50) / 1e9)
  out.single('nodejs_eventloop_lag_p99_seconds', 'gauge', `${lag}the 99th percentile.`, eventLoop.percentile(99) / 1e9)
  const longest = eventLoop.count > 0 ? eventLoop.max / 1e9 : 0
  out.single('nodejs_eventloop_lag_max_seconds', 'gauge', `${lag}the longest.`, longest)
}
