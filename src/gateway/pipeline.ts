import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { Provider } from '../providers/provider.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Models } from './models.ts'
import { Timings } from './timings.ts'

/** What came with a request beside its body. */
export interface RequestContext {
  readonly id: string
  readonly dialect: string
  readonly stream: boolean
  /** `performance.now()` when the request was received. */
  readonly receivedAt: number
  /** Aborted when the client leaves or the server ends. */
  readonly signal: AbortSignal
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
    try {
      const { provider } = this.#models.find(request.model)
      timings.provider = provider.name
      for await (const events of provider.generate(request, context.signal)) {
        timings.observe(events)
        yield events
      }
    } catch (error) {
      timings.error = asInferloomError(error)
      throw error
    } finally {
      // Also when the reader stops early: `finally` runs on return() too, so a request that was left has its row.
      this.#ledger.record(timings.row())
    }
  }

  embed(request: EmbedRequest, context: RequestContext): Promise<EmbedResult> {
    const send = (provider: Provider) => provider.embed?.(request, context.signal)
    return this.#once(request.model, 'embed texts', send, context)
  }

  rerank(request: RerankRequest, context: RequestContext): Promise<RerankResult> {
    const send = (provider: Provider) => provider.rerank?.(request, context.signal)
    return this.#once(request.model, 'rank documents', send, context)
  }

  /** The path of a request that is answered whole and has input tokens only. */
  async #once<Result extends { readonly inputTokens: number }>(
    model: string,
    what: string,
    send: (provider: Provider) => Promise<Result> | undefined,
    context: RequestContext,
  ): Promise<Result> {
    const timings = new Timings(model, context)
    try {
      const { provider } = this.#models.find(model)
      timings.provider = provider.name
      const result = await send(provider)
      if (!result) {
        const message = `Model '${model}' cannot ${what}: ${provider.name} does not offer it. Remedy: use another model.`
        throw new InferloomError('invalid_value', message, { param: 'model' })
      }
      const inputTokens = { total: result.inputTokens, cacheRead: 0 }
      timings.observe([{ type: 'finish', usage: { inputTokens, outputTokens: { total: 0, reasoning: 0 } } }])
      return result
    } catch (error) {
      timings.error = asInferloomError(error)
      throw error
    } finally {
      this.#ledger.record(timings.row())
    }
  }
}
