import type { Span } from '../gateway/telemetry/spans.ts'
import { UpstreamClient } from '../transport/upstream-client.ts'
import { beginningOf } from '../transport/whole-body.ts'
import { version } from '../version.ts'

const flushMs = 2000
const spansPerExport = 512
/** Spans that wait to be exported; more are dropped and counted. */
const mostWaiting = 4096
const timeouts = { connect: 5, firstByte: 10, idle: 10, total: 15 }
/** https://opentelemetry.io/docs/specs/otlp/#failures-1: these may succeed later. */
const worthTrying: ReadonlySet<number> = new Set([429, 502, 503, 504])
const mostTries = 3

export interface TraceExportOptions {
  /** `http://localhost:4318`, or the whole address that ends in /v1/traces. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly onTrouble: (error: unknown, lost: number) => void
}

/**
 * Sends spans to an OpenTelemetry collector, in JSON over HTTP, in batches that no request waits for.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class TraceExport {
  readonly #options: TraceExportOptions
  readonly #url: URL
  readonly #client = new UpstreamClient('the trace collector', timeouts)
  readonly #closing = new AbortController()
  #waiting: Span[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()
  #lost = 0

  constructor(options: TraceExportOptions) {
    this.#options = options
    const { endpoint } = options
    this.#url = new URL(endpoint.endsWith('/v1/traces') ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`)
  }

  add(spans: readonly Span[]): void {
    if (this.#waiting.length + spans.length > mostWaiting) {
      this.#lost += spans.length
      return
    }
    this.#waiting.push(...spans)
    this.#timer ??= setTimeout(() => void this.flush(), flushMs).unref()
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending = this.#sending.then(() => this.#sendAll())
    await this.#sending
  }

  async close(): Promise<void> {
    await this.flush()
    this.#closing.abort()
    await this.#client.close()
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, spansPerExport)
      try {
        await this.#send(batch)
      } catch (error) {
        this.#lost += batch.length
        this.#options.onTrouble(error, this.#lost)
        this.#lost = 0
      }
    }
  }

  async #send(batch: readonly Span[]): Promise<void> {
    const headers = { 'content-type': 'application/json', ...this.#options.headers }
    const body = JSON.stringify(otlpBody(batch, this.#options.serviceName))
    for (let tries = 1; ; tries++) {
      const request = { method: 'POST', url: this.#url, headers, body } as const
      const reply = await this.#client.send(request, this.#closing.signal)
      await beginningOf(reply, 4096)
      if (reply.status >= 200 && reply.status < 300) return
      if (!worthTrying.has(reply.status) || tries === mostTries) {
        throw new Error(`the trace collector at ${this.#url.host} answered with status ${reply.status}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** tries * Math.random()).unref())
    }
  }
}

const kinds = { internal: 1, server: 2, client: 3 } as const

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/examples/trace.json */
function otlpBody(spans: readonly Span[], serviceName: string): object {
  const resource = { attributes: attributes({ 'service.name': serviceName, 'service.version': version }) }
  const scopeSpans = [{ scope: { name: 'inferloom', version }, spans: spans.map(otlpSpan) }]
  return { resourceSpans: [{ resource, scopeSpans }] }
}

function otlpSpan({ traceId, spanId, parentId, name, kind, start, end, attributes: given, error }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributes(given),
    status: error === undefined ? { code: 1 } : { code: 2, message: error },
  }
}

/** As text, since no number holds so many. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n)
}

function attributes(given: Span['attributes']): object[] {
  return Object.entries(given).map(([key, value]) => ({ key, value: otlpValue(value) }))
}

function otlpValue(value: Span['attributes'][string]): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } }
}
