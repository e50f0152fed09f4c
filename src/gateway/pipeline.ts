import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { LimitStanding } from '../canonical/limit-standing.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { RelayReply, RelayRequest, TokenCount } from '../providers/provider.ts'
import { Account, type Steps } from './account.ts'
import { localCaller, type Caller } from './caller.ts'
import { limitOf } from './deadline.ts'
import { refuseOthers } from './keys/allowed-models.ts'
import type { Models, Served } from './models.ts'
import type { TraceContext } from './telemetry/trace-context.ts'

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
  /** Absent where nobody is told apart. */
  readonly caller?: Caller
  /** The JSON body as it was sent. */
  readonly text?: string
  /** The tier it asks for, in its own word. */
  readonly tier?: string
  /** Most tokens of all its answers together, where it says. */
  readonly maxOutputTokens?: number
  /** Told where its client stands with its limits, before anything of the answer is. */
  readonly admitted?: (standing: LimitStanding) => void
  /** Absent where nobody follows requests. */
  readonly trace?: TraceContext | undefined
}

/** Takes the bytes of an answer that is passed on. */
export interface RelayReader {
  /** Comes first, and not at all where the provider refuses. */
  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void
  /**
   * With what the answer cost where these bytes end it. A promise where more has to wait until these were read; it
   * rejects where nobody reads any more.
   */
  take(bytes: Uint8Array, cost?: number | 'unknown'): Promise<void> | undefined
}

/** The path of one request, from its canonical form to its events: find, admit, send, settle and record. */
export class Pipeline {
  readonly #models: Models
  readonly #steps: Steps

  constructor(models: Models, steps: Steps) {
    this.#models = models
    this.#steps = steps
  }

  async *run(request: GenerateRequest, context: RequestContext): AsyncGenerator<readonly StreamEvent[]> {
    const account = new Account(this.#steps, request.model, context)
    try {
      const served = this.#models.find(request.model)
      const turn = account.admit(served)
      if (turn) await turn
      const asked = { ...request, model: served.model, ...ownTier(request, served, context.caller) }
      for await (const events of served.provider.generate(asked, account.signal)) {
        yield account.observe(events)
      }
    } catch (error) {
      throw account.failed(error)
    } finally {
      account.close()
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

  /**
   * The shorter path: the request goes on as its client wrote it, and the answer is only watched. Resolves with what it
   * cost, where somebody knows prices.
   */
  async relay(
    request: RelayRequest,
    { served, model }: { readonly served: Served; readonly model: string },
    context: RequestContext,
    reader: RelayReader,
  ): Promise<number | 'unknown' | undefined> {
    const account = new Account(this.#steps, model, context)
    try {
      const turn = account.admit(served)
      if (turn) await turn
      const reply = await served.provider.relay?.(request, account.signal)
      if (!reply) throw new InferloomError('internal_error', `${served.provider.name} passes nothing on.`)
      this.#steps.replied?.(served, reply.headers)
      reader.begin(reply)
      for await (const chunk of reply.chunks) {
        const cost = account.see(chunk)
        if (chunk.bytes.length === 0) continue
        const read = reader.take(chunk.bytes, cost)
        if (read) await read
      }
      account.timings.complete()
      return account.told()
    } catch (error) {
      throw account.failed(error)
    } finally {
      account.close()
    }
  }

  /** Undefined where the model's provider does not say. Nothing is answered, so that the ledger has nothing to keep. */
  async countTokens(request: GenerateRequest, context: RequestContext): Promise<TokenCount | undefined> {
    const served = this.#models.find(request.model)
    refuseOthers(context.caller ?? localCaller, request.model, served)
    const { provider, model } = served
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
  async #once<Result extends { readonly inputTokens: number; readonly cost?: number | 'unknown' }>(
    model: string,
    what: string,
    send: (served: Served, signal: AbortSignal) => Promise<Result> | undefined,
    context: RequestContext,
  ): Promise<Result> {
    const account = new Account(this.#steps, model, context)
    try {
      const served = this.#models.find(model)
      const turn = account.admit(served)
      if (turn) await turn
      const result = await send(served, account.signal)
      if (!result) {
        const message = `Model '${model}' cannot ${what}: ${served.provider.name} does not offer it. Remedy: use another model.`
        throw new InferloomError('invalid_value', message, { param: 'model' })
      }
      const inputTokens = { total: result.inputTokens, cacheRead: 0 }
      account.observe([{ type: 'finish', usage: { inputTokens, outputTokens: { total: 0, reasoning: 0 } } }])
      const cost = account.told()
      return cost === undefined ? result : { ...result, cost }
    } catch (error) {
      throw account.failed(error)
    } finally {
      account.close()
    }
  }
}

/** A key's own tier, for requests that name none; where somebody else schedules it may cost money, or be refused. */
function ownTier(
  { serviceTier }: GenerateRequest,
  { provider }: Served,
  caller: Caller | undefined,
): Pick<GenerateRequest, 'serviceTier'> {
  if (serviceTier !== undefined || caller?.tier === undefined || provider.plansDeadlines !== true) return {}
  return { serviceTier: caller.tier }
}
