import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { RelayReply, RelayRequest, TokenCount } from '../providers/provider.ts'
import type { Ledger } from './ledger/ledger.ts'
import { limitOf, type Limit } from './deadline.ts'
import type { Models, Served } from './models.ts'
import { Timings } from './timings.ts'

/** What came with a request beside its body. */
export interface RequestContext {
  readonly id: string
  readonly dialect: string
  readonly stream: boolean
  /** `performance.now()` when the request was received. */
  readonly receivedAt: number
  /** Milliseconds after that by which the answer is wanted. */
  readonly deadlineMs?: number
  /** Aborted when the client leaves or the server ends. */
  readonly signal: AbortSignal
}

/** Takes the bytes of an answer that is passed on. */
export interface RelayReader {
  /** Comes first, and not at all where the provider refuses. */
  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void
  /** A promise where more has to wait until these were read; it rejects where nobody reads any more. */
  take(bytes: Uint8Array): Promise<void> | undefined
}

/** The path of one request, from its canonical form to its events. */
export class Pipeline {
  readonly #models: Models
  readonly #ledger: Ledger

  constructor(models: Models, ledger: Ledger) {
    this.#models = models
    this.#ledger = ledger
  }

  async *run(request: GenerateRequest, context: RequestContext): AsyncGenerator<readonly StreamEvent[]> {
    const timings = new Timings(request.model, context)
    let limit: Limit | undefined
    try {
      const served = this.#models.find(request.model)
      timings.servedBy(served)
      limit = limitOf(context, served.provider)
      for await (const events of served.provider.generate({ ...request, model: served.model }, limit.signal)) {
        timings.observe(events)
        yield events
      }
    } catch (error) {
      timings.error = asInferloomError(error)
      throw error
    } finally {
      limit?.end()
      // Also when the reader stops early: `finally` runs on return() too, so a request that was left has its row.
      this.#ledger.record(timings.row())
    }
  }

  /** Who takes a client's own bytes on its own wire; undefined where nobody does, or `run` is to say what is wrong. */
  relayed(model: string, wire: string): Served | undefined {
    const served = this.#models.peek(model)
    return served?.provider.relay && served.provider.relays?.(served.model).includes(wire) ? served : undefined
  }

  /** Who takes a request that can only be passed on; throws where the model's provider does not, or nobody has it. */
  passedTo(
    model: string,
    { name, what, path }: { readonly name: string; readonly what: string; readonly path: string },
  ): Served {
    const served = this.#models.find(model)
    if (served.provider.relays?.(served.model).includes(name)) return served
    const message = `Model '${model.slice(0, 200)}' cannot ${what}: ${served.provider.name} does not take ${path}. Remedy: use a model of a provider that does.`
    throw new InferloomError('unsupported_parameter', message, { param: 'model' })
  }

  /** The shorter path: the request goes on as its client wrote it, and the answer is only watched. */
  async relay(
    request: RelayRequest,
    { served, model }: { readonly served: Served; readonly model: string },
    context: RequestContext,
    reader: RelayReader,
  ): Promise<void> {
    const timings = new Timings(model, context)
    timings.servedBy(served)
    const limit = limitOf(context, served.provider)
    try {
      const reply = await served.provider.relay?.(request, limit.signal)
      if (!reply) throw new InferloomError('internal_error', `${served.provider.name} passes nothing on.`)
      reader.begin(reply)
      for await (const chunk of reply.chunks) {
        timings.see(chunk)
        if (chunk.bytes.length === 0) continue
        const read = reader.take(chunk.bytes)
        if (read) await read
      }
      timings.complete()
    } catch (error) {
      // What the provider said itself says more than that nothing came after it.
      timings.error ??= asInferloomError(error)
      throw error
    } finally {
      limit.end()
      this.#ledger.record(timings.row())
    }
  }

  /** Undefined where the model's provider does not say. Nothing is answered, so that the ledger has nothing to keep. */
  async countTokens(request: GenerateRequest, context: RequestContext): Promise<TokenCount | undefined> {
    const { provider, model } = this.#models.find(request.model)
    const limit = limitOf(context, provider)
    try {
      return await provider.countTokens?.({ ...request, model }, limit.signal)
    } finally {
      limit.end()
    }
  }

  embed(request: EmbedRequest, context: RequestContext): Promise<EmbedResult> {
    const send = ({ provider, model }: Served, signal: AbortSignal) => provider.embed?.({ ...request, model }, signal)
    return this.#once(request.model, 'embed texts', send, context)
  }

  rerank(request: RerankRequest, context: RequestContext): Promise<RerankResult> {
    const send = ({ provider, model }: Served, signal: AbortSignal) => provider.rerank?.({ ...request, model }, signal)
    return this.#once(request.model, 'rank documents', send, context)
  }

  /** The path of a request that is answered whole and has input tokens only. */
  async #once<Result extends { readonly inputTokens: number }>(
    model: string,
    what: string,
    send: (served: Served, signal: AbortSignal) => Promise<Result> | undefined,
    context: RequestContext,
  ): Promise<Result> {
    const timings = new Timings(model, context)
    let limit: Limit | undefined
    try {
      const served = this.#models.find(model)
      timings.servedBy(served)
      limit = limitOf(context, served.provider)
      const result = await send(served, limit.signal)
      if (!result) {
        const message = `Model '${model}' cannot ${what}: ${served.provider.name} does not offer it. Remedy: use another model.`
        throw new InferloomError('invalid_value', message, { param: 'model' })
      }
      const inputTokens = { total: result.inputTokens, cacheRead: 0 }
      timings.observe([{ type: 'finish', usage: { inputTokens, outputTokens: { total: 0, reasoning: 0 } } }])
      return result
    } catch (error) {
      timings.error = asInferloomError(error)
      throw error
    } finally {
      limit?.end()
      this.#ledger.record(timings.row())
    }
  }
}
