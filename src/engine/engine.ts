import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import type { StreamEvent } from '../canonical/events.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest, Sampling } from '../canonical/request.ts'
import type { Usage } from '../canonical/usage.ts'
import type { ModelInfo, Provider, TokenCount } from '../providers/provider.ts'
import { AnswerParser } from './answer-parser.ts'
import { planAnswer } from './answer-plan.ts'
import type { TuningNews } from './autotune-worker.ts'
import { ChatTemplate } from './chat-template.ts'
import { addParts, embedWith, rerankWith, startOf, type EmbedAnswer } from './embed-requests.ts'
import { EventQueue } from './event-queue.ts'
import { InFlight } from './in-flight.ts'
import type { Delta, Done, EmbedJob, EngineStats, FromWorker, LoadedModelInfo, LoadOptions } from './protocol.ts'
import { samplingDefaults } from './sampling-defaults.ts'
import { WorkerProcess } from './worker-process.ts'

export interface EngineOptions extends LoadOptions {
  /** Requests that may wait beside those that run; one more is refused. */
  readonly queueLimit: number
  /** An engine that is busy and silent for longer is taken for dead. Must exceed the slowest evaluation. */
  readonly stallSeconds: number
  /** What requests leave open is taken from here, and from `samplingDefaults` after that. */
  readonly sampling?: Partial<Sampling>
}

type State =
  | { name: 'starting'; worker: WorkerProcess }
  | { name: 'ready'; worker: WorkerProcess; info: LoadedModelInfo; template: ChatTemplate; since: number }
  | { name: 'backing-off'; timer: NodeJS.Timeout; error: InferloomError }
  | { name: 'failed' | 'closed'; error: InferloomError }

interface Outstanding {
  readonly queue: EventQueue
  readonly firstChoice: number
  /** By choice; empty when the answer is text as it comes. */
  readonly parsers: readonly AnswerParser[]
  readonly request: { jobsLeft: number; inputTokens: number; cachedTokens: number; outputTokens: number }
  /** What was used by what has been told, for answers that are ended before they are complete. */
  readonly told: { inputTokens: number; cachedTokens: number; outputTokens: number }
}

/** What `/admin/engine` shows of one engine. */
export interface EngineReport {
  readonly model: string
  readonly state: State['name']
  readonly pid: number | undefined
  readonly threads: number
  readonly restarts: number
  readonly outstanding: number
  readonly libraries: string | undefined
  readonly cells: number | undefined
  readonly stats: EngineStats | undefined
}

const healthyMs = 60_000
const longestBackOffMs = 30_000

/** A local model as a provider: its own process, restarted with growing pauses when it dies. */
export class Engine implements Provider {
  readonly name = 'local'
  #options: EngineOptions
  readonly #hearTuning: (news: TuningNews) => void
  #state: State
  #changed: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #embeds: InFlight<EmbedAnswer>
  readonly #counts: InFlight<{ tokens: number }>
  #nextId = 1
  #deaths = 0
  #restarts = 0
  #lastHeard = performance.now()
  readonly #watchdog: NodeJS.Timeout
  #statsWanted: ((stats: EngineStats) => void)[] = []
  #secondsPerRequest = 1
  #model: ModelInfo
  readonly #sampling: Sampling

  constructor(options: EngineOptions, hearTuning: (news: TuningNews) => void = () => {}) {
    this.#options = options
    this.#hearTuning = hearTuning
    const most = options.parallel + options.queueLimit
    this.#embeds = new InFlight(options.model, most, 'requests to embed')
    this.#counts = new InFlight(options.model, most, 'prompts to count')
    this.#sampling = { ...samplingDefaults, ...options.sampling }
    this.#model = { id: options.model, ownedBy: 'inferloom', created: Math.floor(Date.now() / 1000), contextTokens: 0 }
    this.#state = this.#start()
    this.#watchdog = setInterval(() => this.#watch(), 1000).unref()
  }

  models(): readonly ModelInfo[] {
    return [this.#model]
  }

  /** Waits while the engine starts; rejects when it cannot, or is between two attempts. */
  async ready(): Promise<void> {
    await this.#readyState()
  }

  async #readyState() {
    while (this.#state.name === 'starting') await this.#changed.promise
    if (this.#state.name === 'ready') return this.#state
    if (this.#state.name !== 'backing-off') throw this.#state.error
    throw new InferloomError('engine_restarting', `The engine of model ${this.#options.model} is being restarted.`, {
      retryAfterSeconds: 2,
      cause: this.#state.error,
    })
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<readonly StreamEvent[]> {
    const prompts = request.input.kind === 'chat' ? 1 : request.input.prompts.length
    this.#refuseWhenFull(prompts)
    const { worker, template } = await this.#readyState()
    this.#refuseWhenFull(prompts)
    signal.throwIfAborted()
    const { jobs, shape } = planAnswer(request, template, this.#sampling)
    const queue = new EventQueue()
    const progress = { jobsLeft: prompts, inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
    const told = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
    const parsers = shape ? Array.from({ length: request.n }, (_, choice) => new AnswerParser(choice, shape)) : []
    const began = performance.now()
    const ids = jobs.map((job, index) => {
      const id = this.#nextId++
      this.#outstanding.set(id, { queue, firstChoice: index * request.n, parsers, request: progress, told })
      worker.send({ type: 'generate', job: { ...job, id } })
      return id
    })
    if (this.#outstanding.size === ids.length) this.#lastHeard = began
    const onAbort = () => {
      if (told.outputTokens > 0) queue.push({ type: 'response-metadata', usage: usageOf(told, parsers) })
      queue.fail(asInferloomError(signal.reason))
    }
    signal.addEventListener('abort', onAbort)
    try {
      yield* queue
      this.#secondsPerRequest += ((performance.now() - began) / 1000 - this.#secondsPerRequest) / 8
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const id of ids) if (this.#outstanding.delete(id)) worker.send({ type: 'cancel', id })
    }
  }

  embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResult> {
    return embedWith((job) => this.#runEmbedJob(job, signal), request)
  }

  rerank(request: RerankRequest, signal: AbortSignal): Promise<RerankResult> {
    return rerankWith((job) => this.#runEmbedJob(job, signal), request)
  }

  /** Tokens of a conversation as the model's own template writes it. */
  async countTokens(request: GenerateRequest, signal: AbortSignal): Promise<TokenCount> {
    const { worker, template } = await this.#readyState()
    const { text: prompt, addSpecial } = template.render(
      request.input.kind === 'chat' ? request.input.messages : [],
      request,
    )
    const id = this.#nextId++
    if (this.#isIdle) this.#lastHeard = performance.now()
    const send = () => worker.send({ type: 'count', id, prompt, addSpecial })
    const { tokens } = await this.#counts.run(id, { tokens: 0 }, { send, signal })
    return { tokens, exact: true }
  }

  get #isIdle(): boolean {
    return this.#outstanding.size + this.#embeds.size + this.#counts.size === 0
  }

  async #runEmbedJob(job: Omit<EmbedJob, 'id'>, signal: AbortSignal) {
    const { worker } = await this.#readyState()
    const id = this.#nextId++
    if (this.#isIdle) this.#lastHeard = performance.now()
    return this.#embeds.run(id, startOf(job), {
      send: () => worker.send({ type: 'embed', job: { ...job, id } }),
      cancel: () => worker.send({ type: 'cancel', id }),
      signal,
    })
  }

  #refuseWhenFull(more: number): void {
    const { parallel, queueLimit, model } = this.#options
    if (this.#outstanding.size + more <= parallel + queueLimit) return
    const seconds = Math.ceil((this.#secondsPerRequest * this.#outstanding.size) / parallel)
    throw new InferloomError(
      'engine_overloaded',
      `Model ${model} is answering ${parallel} requests and ${queueLimit} more are waiting. ` +
        'Remedy: retry after the time given, or raise engine.queue in the configuration.',
      { retryAfterSeconds: Math.min(Math.max(seconds, 1), 30) },
    )
  }

  async report(): Promise<EngineReport> {
    const { name } = this.#state
    const ready = name === 'ready' ? this.#state : undefined
    const stats = ready && new Promise<EngineStats>((resolve) => this.#statsWanted.push(resolve))
    ready?.worker.send({ type: 'stats' })
    const silence = delay(2000, undefined, { ref: false })
    return {
      model: this.#options.model,
      state: name,
      pid: 'worker' in this.#state ? this.#state.worker.pid : undefined,
      threads: this.#options.threads,
      restarts: this.#restarts,
      outstanding: this.#outstanding.size + this.#embeds.size,
      libraries: ready?.info.libraries,
      cells: ready?.info.cells,
      stats: await Promise.race([stats, silence]),
    }
  }

  /** Whether it will not answer again: its file has become unreadable, or it was closed. */
  get hasFailed(): boolean {
    return this.#state.name === 'failed' || this.#state.name === 'closed'
  }

  /** Ends what is running with `error`. */
  async close(error = new InferloomError('shutting_down', 'inferloom is shutting down.')): Promise<void> {
    const state = this.#state
    clearInterval(this.#watchdog)
    this.#become({ name: 'closed', error })
    this.#failAll(error)
    if (state.name === 'backing-off') clearTimeout(state.timer)
    if (state.name === 'starting' || state.name === 'ready') await state.worker.stop()
  }

  #become(state: State): void {
    this.#state = state
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #start(): State {
    const worker: WorkerProcess = new WorkerProcess(this.#options, {
      onReady: (info) => this.#onReady(worker, info),
      onMessage: (message) => this.#onMessage(message),
      onExit: (error) => this.#onExit(error),
    })
    return { name: 'starting', worker }
  }

  #onReady(worker: WorkerProcess, info: LoadedModelInfo): void {
    const { contextTokens, parameters, sizeBytes } = info
    this.#model = { ...this.#model, contextTokens, parameters, sizeBytes }
    try {
      const template = new ChatTemplate(info, basename(this.#options.file))
      this.#become({ name: 'ready', worker, info, template, since: performance.now() })
    } catch (error) {
      worker.kill()
      this.#become({ name: 'failed', error: error as InferloomError })
    }
  }

  #onMessage(message: Exclude<FromWorker, { type: 'ready' | 'failed' }>): void {
    this.#lastHeard = performance.now()
    if (message.type === 'stats') {
      for (const resolve of this.#statsWanted.splice(0)) resolve(message.stats)
    } else if (message.type === 'tuning' || message.type === 'tuned') {
      if (message.type === 'tuned') this.#options = { ...this.#options, ...message.result.tuning, autotune: [] }
      this.#hearTuning(message)
    } else if (message.type === 'embedded') {
      addParts(this.#embeds, message.parts)
    } else if (message.type === 'counted') {
      const count = this.#counts.answer(message.id)
      if (count) count.tokens = message.tokens
      this.#counts.complete(message.id)
    } else if (message.type === 'refused') {
      const { id, code, param } = message
      const error = new InferloomError(code, message.message, param === undefined ? {} : { param })
      this.#take(id)?.queue.fail(error)
      this.#embeds.fail(id, error)
      this.#counts.fail(id, error)
    } else {
      for (const delta of message.deltas) {
        const to = this.#outstanding.get(delta.id)
        if (!to) continue
        to.told.outputTokens += delta.tokens ?? 1
        if (delta.prompt) {
          to.told.inputTokens += delta.prompt[0]
          to.told.cachedTokens += delta.prompt[1]
        }
        to.queue.push(...eventsOf(delta, to))
      }
      for (const done of message.done) this.#finish(done)
    }
  }

  #finish({ id, promptTokens, cachedTokens, outputTokens }: Done): void {
    const finished = this.#take(id)
    if (!finished) return
    const { queue, request, parsers } = finished
    request.inputTokens += promptTokens
    request.cachedTokens += cachedTokens
    request.outputTokens += outputTokens
    if (--request.jobsLeft > 0) return
    queue.push({ type: 'finish', usage: usageOf(request, parsers) })
    queue.end()
  }

  #take(id: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(id)
    this.#outstanding.delete(id)
    return outstanding
  }

  #onExit(error: InferloomError): void {
    const state = this.#state
    if (state.name === 'closed' || state.name === 'failed') return
    this.#failAll(error)
    // A file that cannot be loaded will not load at the next attempt either.
    if (error.code !== 'engine_failed') return this.#become({ name: 'failed', error })
    if (state.name === 'starting' && this.#restarts === 0) return this.#become({ name: 'failed', error })
    const healthy = state.name === 'ready' && performance.now() - state.since > healthyMs
    this.#deaths = healthy ? 1 : this.#deaths + 1
    this.#restarts++
    // The first restart is immediate, then 0.5 s, 1 s, 2 s …
    const pause = this.#deaths === 1 ? 0 : Math.min(250 * 2 ** (this.#deaths - 1), longestBackOffMs)
    const timer = setTimeout(() => this.#become(this.#start()), pause)
    this.#become({ name: 'backing-off', timer, error })
  }

  #failAll(error: InferloomError): void {
    const all = [...this.#outstanding.values()]
    this.#outstanding.clear()
    this.#embeds.failAll(error)
    this.#counts.failAll(error)
    for (const { queue } of all) queue.fail(error)
  }

  #watch(): void {
    if (this.#state.name !== 'ready' || this.#isIdle) return
    if (performance.now() - this.#lastHeard > this.#options.stallSeconds * 1000) this.#state.worker.kill()
  }
}

function usageOf(used: Outstanding['told'], parsers: readonly AnswerParser[]): Usage {
  const { inputTokens, cachedTokens: cacheRead, outputTokens: total } = used
  const reasoning = parsers.reduce((sum, parser) => sum + parser.reasoningTokens, 0)
  return {
    inputTokens: { total: inputTokens, cacheRead },
    outputTokens: { total, reasoning: Math.min(reasoning, total) },
  }
}

function eventsOf(
  { choice, text, logprobs, finishReason }: Delta,
  { firstChoice, parsers }: Outstanding,
): StreamEvent[] {
  const choiceIndex = firstChoice + choice
  const parser = parsers[choice]
  if (parser) {
    const events = text !== '' || logprobs ? parser.push(text, logprobs) : []
    return finishReason ? [...events, ...parser.end(finishReason)] : events
  }
  const events: StreamEvent[] = []
  if (text !== '' || logprobs) events.push({ type: 'text-delta', choiceIndex, text, ...(logprobs && { logprobs }) })
  if (finishReason) events.push({ type: 'text-end', choiceIndex, finishReason })
  return events
}
