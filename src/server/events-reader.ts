import type { FastifyReply } from 'fastify'
import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { AnswerWriter } from '../dialects/dialect.ts'
import { costHeader, costText } from './cost-header.ts'
import { drained } from './drained.ts'

interface EventsReaderOptions {
  readonly writer: AnswerWriter
  readonly stream: boolean
  readonly idleTimeoutMs: number
}

/** Writes an answer that is translated on its client's wire: as it comes, or whole. */
export class EventsReader {
  /** Whether the client has seen something of the answer. */
  begun = false
  readonly #reply: FastifyReply
  readonly #options: EventsReaderOptions
  readonly #all: StreamEvent[] = []
  #isNamed = false

  constructor(reply: FastifyReply, options: EventsReaderOptions) {
    this.#reply = reply
    this.#options = options
  }

  take(events: readonly StreamEvent[]): Promise<void> | undefined {
    const { writer, stream, idleTimeoutMs } = this.#options
    if (!this.#isNamed) this.#nameProvidersRequest(events)
    if (!stream) {
      this.#all.push(...events)
      return undefined
    }
    if (!this.begun) this.#begin()
    const chunk = writer.chunk(events)
    const { raw } = this.#reply
    return chunk === '' || raw.write(chunk) ? undefined : drained(raw, idleTimeoutMs)
  }

  async end(): Promise<void> {
    const { writer, stream } = this.#options
    if (stream) {
      if (!this.begun) this.#begin()
      this.#reply.raw.end(writer.end())
      return
    }
    const last = this.#all.at(-1)
    if (last?.type === 'finish' && last.usage.cost !== undefined) {
      void this.#reply.header(costHeader, costText(last.usage.cost))
    }
    await this.#reply.type('application/json; charset=utf-8').send(writer.whole(this.#all))
  }

  fail(error: InferloomError): void {
    const { raw } = this.#reply
    if (!raw.destroyed) raw.end(this.#options.writer.fail(error))
  }

  #begin(): void {
    this.begun = true
    this.#reply.hijack()
    const { contentType = 'text/event-stream; charset=utf-8' } = this.#options.writer
    this.#reply.raw.writeHead(200, {
      ...(this.#reply.getHeaders() as Record<string, string>),
      'content-type': contentType,
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      // nginx would collect the stream otherwise: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
      'x-accel-buffering': 'no',
    })
  }

  #nameProvidersRequest(events: readonly StreamEvent[]): void {
    const named = events.find((event) => event.type === 'response-metadata' && event.requestId !== undefined)
    if (named?.type !== 'response-metadata') return
    this.#isNamed = true
    void this.#reply.header('x-inferloom-provider-request-id', named.requestId)
  }
}
