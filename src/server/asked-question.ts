import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Address, AnswerWriter, Dialect, ParsedRequest } from '../dialects/dialect.ts'
import type { Served } from '../gateway/models.ts'
import type { Question } from '../gateway/question.ts'
import { traceparentOf } from '../gateway/telemetry/trace-context.ts'
import type { RelayRequest } from '../providers/provider.ts'
import { relayedRequest } from './relayed-request.ts'

interface Understood {
  readonly request: GenerateRequest
  readonly writer: ParsedRequest['writer']
}

/** What one request asks, in its dialect: read only where somebody has to know what it means. */
export class AskedQuestion implements Question {
  readonly model: string
  readonly wire: string
  readonly isRelayable: boolean
  readonly #dialect: Dialect
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #body: Readonly<Record<string, unknown>>
  readonly #address: Address
  readonly #deadlineMs: number | undefined
  #understood: Understood | Promise<Understood> | undefined

  constructor(dialect: Dialect, { request, reply, body, address, deadlineMs }: AskedParts) {
    this.model = address.model
    this.wire = dialect.name
    this.isRelayable = dialect.relayable?.(body, address) !== false
    this.#dialect = dialect
    this.#request = request
    this.#reply = reply
    this.#body = body
    this.#address = address
    this.#deadlineMs = deadlineMs
  }

  relayed(served: Served): RelayRequest {
    const { stream } = this.#address
    return relayedRequest(this.#dialect, this.#request, { stream, trace: this.#request.trace }, served)
  }

  understood(): GenerateRequest | Promise<GenerateRequest> {
    const known = this.#once()
    return known instanceof Promise ? known.then(({ request }) => request) : known.request
  }

  /** Of its answer. */
  writer(): AnswerWriter | Promise<AnswerWriter> {
    const { id } = this.#request
    const known = this.#once()
    return known instanceof Promise ? known.then(({ writer }) => writer(id)) : known.writer(id)
  }

  #once(): Understood | Promise<Understood> {
    return (this.#understood ??= this.#understand())
  }

  #understand(): Understood | Promise<Understood> {
    const recalled = this.#dialect.recall?.(this.#body, this.#address)
    return recalled ? recalled.then((found) => this.#parse(found)) : this.#parse(undefined)
  }

  #parse(recalled: unknown): Understood {
    const { body, trace } = this.#request
    const { owner } = this.#address
    const { request, writer, headers } = this.#dialect.parse(body, this.#address, recalled)
    if (headers) void this.#reply.headers(headers)
    const more = {
      ...(owner !== undefined && { owner }),
      ...(this.#deadlineMs !== undefined && { deadlineMs: this.#deadlineMs }),
      // For providers that are asked next.
      ...(trace && { traceparent: traceparentOf(trace) }),
    }
    return { request: { ...request, ...more }, writer }
  }
}

interface AskedParts {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Empty where it is no object, which whoever reads it says. */
  readonly body: Readonly<Record<string, unknown>>
  readonly address: Address
  readonly deadlineMs: number | undefined
}
