import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { TokenCount } from '../providers/provider.ts'
import { Account, type Steps } from './account.ts'
import { beginBytes, beginEvents, deliver, discard, limitsSaid, type Begun } from './begun.ts'
import type { Announcer } from './announcer.ts'
import type { CacheWish } from './cache/answer-cache.ts'
import { localCaller, type Caller } from './caller.ts'
import { limitOf } from './deadline.ts'
import { mayAsk, refusal, refuseOthers } from './keys/allowed-models.ts'
import { estimateInput } from './limits/estimate.ts'
import type { Models, Served } from './models.ts'
import type { AnswerReader, Question } from './question.ts'
import type { AttemptsAsked } from './routing/attempts.ts'
import type { Candidate, Plan, Planned, Wishes } from './routing/plan.ts'
import type { TraceContext } from './telemetry/trace-context.ts'
import type { ToldCost } from '../canonical/usage.ts'

/** What came with a request beside its body. */
export interface RequestContext {
  readonly id: string
  readonly dialect: string
  readonly stream: boolean
  /** `performance.now()` when the request was received. */
  readonly receivedAt: number
  /** Milliseconds after that by which the answer is wanted. */
  readonly deadlineMs?: number | undefined
  /** Aborted when the client leaves or the server ends. */
  readonly signal: AbortSignal
  /** Absent where nobody is told apart. */
  readonly caller?: Caller
  /** The JSON body as it was sent. */
  readonly text?: string
  /** The tier it asks for, in its own word. */
  readonly tier?: string | undefined
  /** Most tokens of all its answers together, where it says. */
  readonly maxOutputTokens?: number | undefined
  /** Absent where nobody follows requests. */
  readonly trace?: TraceContext | undefined
  /** The JSON body, read. */
  readonly body?: Readonly<Record<string, unknown>>
  /** What it asks of routes, and of caches. */
  readonly wishes?: Wishes | undefined
  readonly cacheWish?: CacheWish | undefined
  /** Those of its headers that may change the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly announcer?: Announcer
}

/** Expected of an answer whose length its client left open, for those who pace by tokens. */
const openOutputTokens = 512

/** The path of one request: plan, admit, find what is kept, or else ask one candidate after the other; and record. */
export class Pipeline {
  readonly #models: Models
  readonly #steps: Steps

  constructor(models: Models, steps: Steps) {
    this.#models = models
    this.#steps = steps
  }

  /** Brings the answer to its reader. Resolves with what it cost, where somebody knows prices. */
  async answer(question: Question, context: RequestContext, reader: AnswerReader): Promise<ToldCost | undefined> {
    let plan: Plan | undefined
    let noPlan: unknown
    try {
      plan = this.#plan(question.model, context)
    } catch (error) {
      noPlan = error
    }
    // What is wrong with a request is said before anything is set aside for it, and before what is wrong with its model.
    if (!plan || !this.#takesBytes(question, context, plan, plan.candidates[0])) await question.understood()
    const account = new Account(this.#steps, question.model, context)
    const asked: Asked = { question, context, account, isMaking: false }
    try {
      if (!plan) throw noPlan
      const turn = account.admit(plan)
      if (turn) await turn
      await this.#find(asked, plan, reader)
      return account.told()
    } catch (error) {
      throw asked.isMaking ? error : account.failed(error)
    } finally {
      // What is being made for others too ends when they have it.
      if (!asked.isMaking) account.close()
    }
  }

  /** From what is kept where it may be, or else from a candidate. */
  #find(asked: Asked, plan: Plan, reader: AnswerReader): Promise<void> {
    const { question, context, account } = asked
    const { cache } = this.#steps
    if (!cache) return this.#make(asked, plan, reader, context.signal)
    const { caller = localCaller, body, text, headers, stream, cacheWish: wish, signal, deadlineMs } = context
    const { wire, model } = question
    if (!cache.takes({ model, body, wish })) {
      account.cached('off')
      return this.#make(asked, plan, reader, signal)
    }
    const isUrgent = deadlineMs !== undefined
    return cache
      .answer({ caller, wire, model, stream, body, text, headers, wish, signal, isUrgent }, reader, {
        outcome: (outcome) => account.cached(outcome),
        make: (to, signal) => this.#make(asked, plan, to, signal).then(() => account.summary()),
      })
      .then((summary) => {
        if (!asked.isMaking) account.kept(summary)
      })
  }

  /** Whether all who may be asked for a model take a client's own bytes on its own wire. */
  relays(model: string, wire: string): boolean {
    const served = this.#models.peek(model)
    return served?.provider.relay !== undefined && (served.provider.relays?.(served.model).includes(wire) ?? false)
  }

  /** Refuses a request that can only be passed on, where its model's provider does not, or nobody has it. */
  refuseUnlessPassed(
    model: string,
    context: RequestContext,
    { name, what, path }: { readonly name: string; readonly what: string; readonly path: string },
  ): void {
    const { candidates } = this.#plan(model, context)
    if (candidates.some(({ served }) => served.provider.relays?.(served.model).includes(name))) return
    const message = `Model '${model.slice(0, 200)}' cannot ${what}: ${candidates[0]?.served.provider.name} does not take ${path}. Remedy: use a model of a provider that does.`
    throw new InferloomError('unsupported_parameter', message, { param: 'model' })
  }

  /** Undefined where the model's provider does not say. Nothing is answered, so that the ledger has nothing to keep. */
  async countTokens(request: GenerateRequest, context: RequestContext): Promise<TokenCount | undefined> {
    const { route, candidates } = this.#plan(request.model, context)
    const served = candidates[0]?.served
    if (!served) return undefined
    if (route === undefined) refuseOthers(context.caller ?? localCaller, request.model, served)
    const { provider, model } = served
    const limit = limitOf(context, provider, this.#steps.timekeeper)
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

  /** Whom to ask. Of a route, only those whom the caller may ask, unless it may ask for the route as such. */
  #plan(model: string, { caller = localCaller, wishes = noWishes, body, text, ...context }: RequestContext): Plan {
    const { maxOutputTokens, stream, deadlineMs, receivedAt } = context
    const deadlineAt = deadlineMs === undefined ? undefined : receivedAt + deadlineMs
    const plan = this.#steps.planner.plan({
      model,
      caller,
      wishes,
      body,
      text,
      maxOutputTokens,
      stream,
      deadlineAt,
      receivedAt,
    })
    if (plan.route === undefined || mayAsk(caller, model)) return plan
    const candidates = plan.candidates.filter(({ served }) => mayAsk(caller, served.model, served))
    if (candidates.length === 0) throw refusal(caller, model)
    return candidates.length === plan.candidates.length ? plan : { ...plan, candidates }
  }

  /** Whether a request goes to a candidate as its client wrote it. */
  #takesBytes(question: Question, context: RequestContext, plan: Plan, candidate?: Candidate): boolean {
    if (!question.isRelayable || !candidate) return false
    const { served } = candidate
    const { provider, model } = served
    if (!provider.relay || !provider.relays?.(model).includes(question.wire)) return false
    return question.isOnlyPassed === true || !this.#policyOf(context, plan, candidate)
  }

  /** What is to be done to a prompt before it is sent. */
  #policyOf({ text, maxOutputTokens }: RequestContext, { route }: Plan, { served, id }: Candidate) {
    const { prompts } = this.#steps
    return prompts?.of(route, served, { text, maxOutputTokens, contextTokens: this.#models.glance(id)?.contextTokens })
  }

  /** Asks candidates until one has begun to answer, and brings that answer to its reader. */
  async #make(asked: Asked, plan: Plan, reader: AnswerReader, signal: AbortSignal): Promise<void> {
    const { context, account } = asked
    asked.isMaking = true
    try {
      const begin = (candidate: Planned, signal: AbortSignal) => this.#begin(asked, plan, candidate, signal)
      const won = await this.#steps.attempts.run<Begun>(
        this.#attemptsAsked(plan, context, account, signal),
        begin,
        discard,
      )
      try {
        account.won(plan, won)
        const said = limitsSaid(won.begun)
        if (said) {
          won.observe(said)
          this.#steps.replied?.(won.candidate.served, said)
        }
        const delivering = deliver(won.begun, account, reader)
        if (delivering) await delivering
      } catch (error) {
        throw account.failed(error)
      } finally {
        won.end(account.ended(won.startedAt))
      }
    } catch (error) {
      throw account.failed(error)
    } finally {
      account.close()
    }
  }

  #attemptsAsked(plan: Plan, context: RequestContext, account: Account, signal: AbortSignal): AttemptsAsked {
    const { text, maxOutputTokens, deadlineMs, receivedAt, caller } = context
    return {
      plan,
      promptTokens: estimateInput(text),
      outputTokens: maxOutputTokens ?? openOutputTokens,
      tier: tierOf(context.tier) ?? caller?.tier ?? 'default',
      deadlineAt: deadlineMs === undefined ? undefined : receivedAt + deadlineMs,
      signal,
      account,
    }
  }

  /** Sends a request to a candidate, by the shorter path where it can: as its client wrote it, and only watched. */
  #begin(asked: Asked, plan: Plan, candidate: Planned, given: AbortSignal): Promise<Begun> {
    const { question, context, account } = asked
    const { served } = candidate
    account.asks(served)
    const signal = account.signalFor(served, given)
    const bytes = this.#takesBytes(question, context, plan, candidate) ? question.relayed?.(served) : undefined
    if (bytes) {
      const marked = this.#steps.cacheMarks?.markPassed(bytes, context.body, served, context.caller) ?? bytes
      return beginBytes(served, marked, signal)
    }
    return this.#beginEvents(asked, plan, candidate, signal)
  }

  async #beginEvents({ question, context, account }: Asked, plan: Plan, { served, id }: Planned, signal: AbortSignal) {
    const understood = question.understood()
    const request = understood instanceof Promise ? await understood : understood
    const policy = this.#policyOf(context, plan, { served, id })
    const marked = (to: GenerateRequest) => this.#steps.cacheMarks?.mark(to, served, context.caller) ?? to
    const own = { ...request, model: served.model, ...ownTier(request, served, context.caller) }
    if (!policy) return await beginEvents(served, marked(own), { stream: context.stream, signal })
    const contextTokens = this.#models.glance(id)?.contextTokens
    const shaped = await policy.shape(own, { served, contextTokens, signal, caller: context.caller })
    if (shaped.removed.length > 0) account.shortened(shaped.removed)
    return await beginEvents(served, marked(shaped.request), { stream: context.stream, signal })
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
      const plan = this.#plan(model, context)
      const turn = account.admit(plan)
      if (turn) await turn
      const begin = async ({ served }: Planned, signal: AbortSignal) => {
        account.asks(served)
        const result = await send(served, account.signalFor(served, signal))
        if (result) return result
        const message = `Model '${model}' cannot ${what}: ${served.provider.name} does not offer it. Remedy: use another model.`
        throw new InferloomError('invalid_value', message, { param: 'model' })
      }
      const asked = this.#attemptsAsked(plan, context, account, context.signal)
      const won = await this.#steps.attempts.run(asked, begin, () => {})
      account.won(plan, won)
      const result = won.begun
      const inputTokens = { total: result.inputTokens, cacheRead: 0 }
      const usage = { inputTokens, outputTokens: { total: 0, reasoning: 0 } }
      account.observe([{ type: 'finish', usage }], performance.now())
      won.end(account.ended(won.startedAt))
      const cost = account.told()
      return cost === undefined ? result : { ...result, cost }
    } catch (error) {
      throw account.failed(error)
    } finally {
      account.close()
    }
  }
}

/** What the steps of one request need of it. */
interface Asked {
  readonly question: Question
  readonly context: RequestContext
  readonly account: Account
  /** Whether its answer is being made, which may go on for others when its own client has left. */
  isMaking: boolean
}

const noWishes: Wishes = {}

function tierOf(tier: string | undefined): 'priority' | 'default' | 'flex' | undefined {
  return tier === 'priority' || tier === 'flex' || tier === 'default' ? tier : undefined
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
