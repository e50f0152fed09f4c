import type { FastifyInstance } from 'fastify'
import type { LoadedConfig } from '../config/load.ts'
import type { RequestWatcher } from '../gateway/account.ts'
import { ProviderLimits } from '../gateway/telemetry/provider-limits.ts'
import { RequestMetrics } from '../gateway/telemetry/request-metrics.ts'
import { spansOf } from '../gateway/telemetry/spans.ts'
import { traceContext, type TraceContext } from '../gateway/telemetry/trace-context.ts'
import type { TraceExport } from './trace-export.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where it stands in a trace, where somebody follows requests. */
    trace: TraceContext | undefined
  }
}

export interface Telemetry {
  readonly metrics: RequestMetrics
  readonly limits: ProviderLimits
  readonly watchers: readonly RequestWatcher[]
  /** Begins to follow what comes to a server. */
  install(app: FastifyInstance): void
  close(): Promise<void>
}

/** Whoever watches requests end: metrics always, traces where a collector is named, the log where it is asked for. */
export async function openTelemetry({ config, env }: Pick<LoadedConfig, 'config' | 'env'>): Promise<Telemetry> {
  const metrics = new RequestMetrics()
  const limits = new ProviderLimits()
  const { endpoint, sample, content, serviceName } = config.telemetry.traces
  let log: FastifyInstance['log'] | undefined
  const watchers: RequestWatcher[] = [({ row }, { gaps }) => metrics.observe(row, gaps)]
  let exporter: TraceExport | undefined
  if (endpoint !== undefined) {
    const headers = { ...headersIn(env['OTEL_EXPORTER_OTLP_HEADERS']), ...config.telemetry.traces.headers }
    const onTrouble = (error: unknown, lost: number) => log?.warn({ err: error, lost }, 'traces could not be exported')
    const { TraceExport } = await import('./trace-export.ts')
    const created = new TraceExport({ endpoint, headers, serviceName, onTrouble })
    watchers.push((entry, { trace }) => {
      if (trace?.isSampled) created.add(spansOf(entry, trace, content ? entry.content : undefined))
    })
    exporter = created
  }
  if (config.log === 'info' || config.log === 'debug') {
    watchers.push(({ row }) => log?.info(lineOf(row), 'request'))
  }
  return {
    metrics,
    limits,
    watchers,
    install(app) {
      log = app.log
      app.decorateRequest('trace', undefined)
      if (!exporter) return
      app.addHook('onRequest', (request, _, done) => {
        const { traceparent } = request.headers
        request.trace = traceContext(typeof traceparent === 'string' ? traceparent : undefined, sample)
        done()
      })
    },
    close: async () => await exporter?.close(),
  }
}

/** What the log has of a request: who, what and how long; never what was said. */
function lineOf(row: Parameters<RequestWatcher>[0]['row']): object {
  return {
    requestId: row.id,
    key: row.key_name,
    dialect: row.dialect,
    model: row.model,
    provider: row.provider,
    servedModel: row.served_model,
    stream: row.stream === 1,
    status: row.status,
    error: row.error,
    finishReason: row.finish_reason,
    promptTokens: row.prompt_tokens,
    cachedTokens: row.cached_tokens,
    outputTokens: row.output_tokens,
    ttftMs: row.ttft_ms,
    tpotMs: row.tpot_ms,
    queueMs: row.queue_ms,
    totalMs: row.total_ms,
    costUsd: row.cost_usd,
  }
}

/** `api-key=secret,tenant=a%20b`: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
function headersIn(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at > 0 ? [[pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim())] as const] : []
  })
  return Object.fromEntries(pairs)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
