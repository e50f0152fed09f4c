import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { StreamEvent } from '../canonical/events.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { GenerateRequest, Sampling } from '../canonical/request.ts'
import type { ModelInfo, Provider } from '../providers/provider.ts'
import { ChatTemplate } from './chat-template.ts'
import { EventQueue } from './event-queue.ts'
import type { EngineStats, FromWorker, Job, LoadedModelInfo, LoadOptions } from './protocol.ts'
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
  readonly request: { jobsLeft: number; inputTokens: number; outputTokens: number }
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
  readonly #options: EngineOptions
  #state: State
  #changed: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #outstanding = new Map<number, Outstanding>()
  #nextId = 1
  #deaths = 0
  #restarts = 0
  #lastHeard = performance.now()
  readonly #watchdog: NodeJS.Timeout
  #statsWanted: ((stats: EngineStats) => void)[] = []
  #secondsPerRequest = 1
  #model: ModelInfo
  readonly #sampling: Sampling

  constructor(options: EngineOptions) {
    this.#options = options
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
    const queue = new EventQueue()
    const progress = { jobsLeft: prompts, inputTokens: 0, outputTokens: 0 }
    const began = performance.now()
    const ids = promptsOf(request, template).map((prompt, index) => {
      const job = jobOf(this.#nextId++, request, prompt, index, this.#sampling)
      this.#outstanding.set(job.id, { queue, firstChoice: index * request.n, request: progress })
      worker.send({ type: 'generate', job })
      return job.id
    })
    if (this.#outstanding.size === ids.length) this.#lastHeard = began
    const onAbort = () => queue.fail(asInferloomError(signal.reason))
    signal.addEventListener('abort', onAbort)
    try {
      yield* queue
      this.#secondsPerRequest += ((performance.now() - began) / 1000 - this.#secondsPerRequest) / 8
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const id of ids) if (this.#outstanding.delete(id)) worker.send({ type: 'cancel', id })
    }
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
      pid: ready?.worker.pid,
      threads: this.#options.threads,
      restarts: this.#restarts,
      outstanding: this.#outstanding.size,
      libraries: ready?.info.libraries,
      cells: ready?.info.cells,
      stats: await Promise.race([stats, silence]),
    }
  }

  async close(): Promise<void> {
    const state = this.#state
    clearInterval(this.#watchdog)
    const error = new InferloomError('shutting_down', 'inferloom is shutting down.')
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
    } else if (message.type === 'refused') {
      this.#take(message.id)?.queue.fail(
        new InferloomError(message.code, message.message, message.param === undefined ? {} : { param: message.param }),
      )
    } else {
      for (const delta of message.deltas) {
        const to = this.#outstanding.get(delta.id)
        if (!to) continue
        const choiceIndex = to.firstChoice + delta.choice
        const { text, logprobs, finishReason } = delta
        if (text !== '' || logprobs)
          to.queue.push({ type: 'text-delta', choiceIndex, text, ...(logprobs && { logprobs }) })
        if (finishReason) to.queue.push({ type: 'text-end', choiceIndex, finishReason })
      }
      for (const { id, promptTokens, outputTokens } of message.done) {
        const finished = this.#take(id)
        if (!finished) continue
        const { queue, request } = finished
        request.inputTokens += promptTokens
        request.outputTokens += outputTokens
        if (--request.jobsLeft > 0) continue
        const { inputTokens, outputTokens: total } = request
        queue.push({
          type: 'finish',
          usage: { inputTokens: { total: inputTokens, cacheRead: 0 }, outputTokens: { total } },
        })
        queue.end()
      }
    }
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
    for (const { queue } of all) queue.fail(error)
  }

  #watch(): void {
    if (this.#state.name !== 'ready' || this.#outstanding.size === 0) return
    if (performance.now() - this.#lastHeard > this.#options.stallSeconds * 1000) this.#state.worker.kill()
  }
}

interface Prompt {
  readonly prompt: Job['prompt']
  readonly addSpecial: boolean
}

function promptsOf(request: GenerateRequest, template: ChatTemplate): Prompt[] {
  if (request.input.kind === 'text') return request.input.prompts.map((prompt) => ({ prompt, addSpecial: true }))
  const { text, addSpecial } = template.render(request.input.messages)
  return [{ prompt: text, addSpecial }]
}

function jobOf(id: number, request: GenerateRequest, prompt: Prompt, index: number, defaults: Sampling): Job {
  const { logitBias, seed = randomInt(2 ** 32 - 1), ...sampling } = { ...defaults, ...request.sampling }
  return {
    id,
    ...prompt,
    n: request.n,
    stop: request.stop,
    sampling: { ...sampling, logitBias: [...logitBias], seed: (seed + index * request.n) >>> 0 },
    ...(request.maxOutputTokens !== undefined && { maxOutputTokens: request.maxOutputTokens }),
    ...(request.topLogprobs !== undefined && { topLogprobs: request.topLogprobs }),
  }
}
