import type { FastifyReply } from 'fastify'
import { asInferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { AnswerWriter } from '../dialects/dialect.ts'
import type { AnswerReader } from '../gateway/question.ts'
import type { RelayReply } from '../providers/provider.ts'
import { AnyReader, StreamReader, WholeReader, type BytesReader } from './bytes-readers.ts'
import { EventsReader } from './events-reader.ts'
import type { ToldCost } from '../canonical/usage.ts'

export interface DeliveryOptions {
  readonly stream: boolean
  readonly idleTimeoutMs: number
  /** Whether the answer may be a stream, or no text at all, without having been asked for so. */
  readonly anyForm?: boolean
  /** Writes events on the client's wire. */
  readonly writer: () => AnswerWriter | Promise<AnswerWriter>
}

/** Brings one answer to its client, in whichever of its two forms it comes. */
export class Delivery implements AnswerReader {
  readonly #reply: FastifyReply
  readonly #options: DeliveryOptions
  #bytes: BytesReader | undefined
  #events: EventsReader | undefined

  constructor(reply: FastifyReply, options: DeliveryOptions) {
    this.#reply = reply
    this.#options = options
  }

  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void {
    const { stream, idleTimeoutMs, anyForm } = this.#options
    this.#bytes = anyForm
      ? new AnyReader(this.#reply, idleTimeoutMs)
      : stream
        ? new StreamReader(this.#reply, idleTimeoutMs)
        : new WholeReader(this.#reply)
    this.#bytes.begin(reply)
  }

  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined {
    return this.#bytes?.take(bytes, cost)
  }

  takeEvents(events: readonly StreamEvent[]): Promise<void> | undefined {
    if (this.#events) return this.#events.take(events)
    const reader = this.#eventsReader()
    return reader instanceof Promise ? reader.then((each) => each.take(events)) : reader.take(events)
  }

  /** Everything was taken. */
  end(cost: ToldCost | undefined): Promise<void> | undefined {
    if (!this.#bytes) return this.#endEvents()
    this.#bytes.end(cost)
    return undefined
  }

  async #endEvents(): Promise<void> {
    await (this.#events ?? (await this.#eventsReader())).end()
  }

  /** Says what went wrong to a client that has seen something of its answer; throws it again where it has not. */
  fail(error: unknown, lastWords: (error: ReturnType<typeof asInferloomError>) => string | undefined): void {
    const known = asInferloomError(error)
    if (this.#bytes?.begun) this.#bytes.fail(lastWords(known))
    else if (this.#events?.begun) this.#events.fail(known)
    else throw error
    if (known.code === 'internal_error') throw error
  }

  #eventsReader(): EventsReader | Promise<EventsReader> {
    const writer = this.#options.writer()
    if (writer instanceof Promise) return writer.then((each) => this.#made(each))
    return this.#made(writer)
  }

  #made(writer: AnswerWriter): EventsReader {
    const { stream, idleTimeoutMs } = this.#options
    return (this.#events ??= new EventsReader(this.#reply, { writer, stream, idleTimeoutMs }))
  }
}
