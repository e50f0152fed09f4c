import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import type { StreamEvent } from '../canonical/events.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest, Sampling } from '../canonical/request.ts'
import type { ModelInfo, Provider, TokenCount } from '../providers/provider.ts'
import { planAnswer } from './answer-plan.ts'
import type { TuningNews } from './autotune-worker.ts'
import { ChatTemplate } from './chat-template.ts'
import { addParts, embedWith, rerankWith, startOf, type EmbedAnswer } from './embed-requests.ts'
import { GenerateRequests } from './generate-requests.ts'
import { InFlight } from './in-flight.ts'
import type { EmbedJob, EngineStats, FromWorker, LoadedModelInfo, LoadOptions } from './protocol.ts'
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
  readonly #answers: GenerateRequests
  readonly #embeds: InFlight<EmbedAnswer>
  readonly #counts: InFlight<{ tokens: number }>
  #nextId = 1
  #deaths = 0
  #restarts = 0
  #lastHeard = performance.now()
  readonly #watchdog: NodeJS.Timeout
  #statsWanted: ((stats: EngineStats) => void)[] = []
  #model: ModelInfo
  readonly #sampling: Sampling

  constructor(options: EngineOptions, hearTuning: (news: TuningNews) => void = () => {}) {
    this.#options = options
    this.#hearTuning = hearTuning
    const most = options.parallel + options.queueLimit
    this.#answers = new GenerateRequests(options)
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
    this.#answers.refuseWhenFull(prompts)
    const { worker, template } = await this.#readyState()
    this.#answers.refuseWhenFull(prompts)
    signal.throwIfAborted()
    const plan = planAnswer(request, template, this.#sampling)
    if (this.#answers.size === 0) this.#lastHeard = performance.now()
    const answer = this.#answers.begin(plan, {
      nextId: () => this.#nextId++,
      send: (job) => worker.send({ type: 'generate', job }),
      cancel: (id) => worker.send({ type: 'cancel', id }),
      signal,
    })
    try {
      yield* answer.events
      answer.complete()
    } finally {
      answer.leave()
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
    return this.#answers.size + this.#embeds.size + this.#counts.size === 0
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
      outstanding: this.#answers.size + this.#embeds.size,
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
      this.#answers.fail(id, error)
      this.#embeds.fail(id, error)
      this.#counts.fail(id, error)
    } else {
      this.#answers.onStep(message)
    }
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
    this.#answers.failAll(error)
    this.#embeds.failAll(error)
    this.#counts.failAll(error)
  }

  #watch(): void {
    if (this.#state.name !== 'ready' || this.#isIdle) return
    if (performance.now() - this.#lastHeard > this.#options.stallSeconds * 1000) this.#state.worker.kill()
  }
}
