import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { ModelInfo, ModelLoad, Provider, TokenCount } from '../providers/provider.ts'
import { PoolTuning, type TuningOptions } from './autotune-pool.ts'
import type { EngineOptions } from './engine.ts'
import { checkAdapters } from './lora.ts'
import { ModelHeaders } from './model-headers.ts'
import { footprintOf, megabytes, type Footprint } from './pool-memory.ts'
import { reportOf, type PoolReport } from './pool-report.ts'
import { Resident, type KnownModel } from './pool-resident.ts'
import { chooseVictims, dueAt, mayLeave, refuseBehindPinned } from './pool-victims.ts'

export interface PoolOptions {
  /** The models there are, asked anew each time: one that was just pulled is there without a restart. */
  readonly catalog: () => readonly KnownModel[]
  /** Memory for all models together. */
  readonly budgetBytes: number
  /** A model that takes longer to load is given up. */
  readonly loadTimeoutSeconds: number
  /** Where what was measured is kept, and who hears of it. */
  readonly tuning: TuningOptions
}

/** A model's place in memory, and how it is to be run there. */
interface Planned extends Footprint {
  readonly engine: EngineOptions
}

const lacking = ['images', 'audio', 'files']

/** Local models as one provider: each in a process of its own, loaded when asked for, within a budget of memory. */
export class EnginePool implements Provider {
  readonly name = 'local'
  readonly plansDeadlines = true
  readonly #options: PoolOptions
  readonly #residents = new Map<string, Resident>()
  readonly #headers = new ModelHeaders()
  readonly #tuning: PoolTuning
  readonly #preloads: Promise<unknown>
  #usedBytes = 0
  #swaps = 0
  #timer: NodeJS.Timeout | undefined
  #closed: InferloomError | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#tuning = new PoolTuning(options.tuning)
    this.#preloads = this.#preload()
    // Whoever asks whether the pool is ready hears of it; nobody may ask before it fails.
    this.#preloads.catch(() => {})
  }

  /** The embedded engine reads text only (docs/decisions/0006-no-vision-yet.md). */
  lacks(): readonly string[] {
    return lacking
  }

  load(model: string): ModelLoad | undefined {
    return this.#residents.get(model)?.load
  }

  models(): readonly ModelInfo[] {
    return [...this.#all().values()].map((known) => this.#infoOf(known))
  }

  /** Resolves when the models that are loaded at the start can answer. */
  async ready(): Promise<void> {
    await this.#preloads
    const preloaded = [...this.#residents.values()].filter(
      ({ known, phase }) => known.preload !== 'no' && phase === 'loaded',
    )
    await Promise.all(preloaded.flatMap(({ engine }) => engine?.ready() ?? []))
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<readonly StreamEvent[]> {
    const prompts = request.input.kind === 'chat' ? 1 : request.input.prompts.length
    const { engine, release } = await this.#acquire(request.model, prompts, signal)
    try {
      yield* engine.generate(request, signal)
    } finally {
      release()
    }
  }

  async embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResult> {
    const { engine, release } = await this.#acquire(request.model, 1, signal)
    return await engine.embed(request, signal).finally(release)
  }

  async rerank(request: RerankRequest, signal: AbortSignal): Promise<RerankResult> {
    const { engine, release } = await this.#acquire(request.model, 1, signal)
    return await engine.rerank(request, signal).finally(release)
  }

  async countTokens(request: GenerateRequest, signal: AbortSignal): Promise<TokenCount> {
    const { engine, release } = await this.#acquire(request.model, 1, signal)
    return await engine.countTokens(request, signal).finally(release)
  }

  async report(): Promise<PoolReport> {
    const models = [...this.#all().values()].map((known) => {
      const resident = this.#residents.get(known.engine.model)
      return reportOf(known, resident, () => this.#footprintOf(known))
    })
    return {
      data: await Promise.all(models),
      pool: { budgetBytes: this.#options.budgetBytes, usedBytes: this.#usedBytes, swaps: this.#swaps },
    }
  }

  async close(): Promise<void> {
    const error = (this.#closed ??= new InferloomError('shutting_down', 'inferloom is shutting down.'))
    clearTimeout(this.#timer)
    const residents = [...this.#residents.values()]
    for (const resident of residents) {
      clearTimeout(resident.idleTimer)
      resident.rejectAll(error)
    }
    await Promise.all(residents.flatMap(({ engine }) => engine?.close() ?? []))
  }

  /** What the catalog names, and what is in memory though its file is gone. */
  #all(): Map<string, KnownModel> {
    const all = new Map(this.#options.catalog().map((known) => [known.engine.model, known]))
    for (const { name, known, phase } of this.#residents.values()) {
      if (phase !== 'unloaded' && !all.has(name)) all.set(name, known)
    }
    return all
  }

  #infoOf({ engine: { model, contextTokens: asked }, files }: KnownModel): ModelInfo {
    const { gguf, modified } = this.#headers.glance(files)
    const resident = this.#residents.get(model)
    const [loaded] = (resident?.phase === 'loaded' && resident.engine?.models()) || []
    if (loaded?.contextTokens) return loaded
    const base = { id: model, ownedBy: 'inferloom', created: modified }
    if (!gguf) return { ...base, contextTokens: 0 }
    const trained = gguf.contextTokens ?? asked ?? 0
    const { parameters, sizeBytes } = gguf
    return { ...base, contextTokens: Math.min(asked ?? trained, trained), parameters, sizeBytes }
  }

  async #acquire(model: string, prompts: number, signal: AbortSignal) {
    if (this.#closed) throw this.#closed
    signal.throwIfAborted()
    const resident = this.#residentOf(model)
    if (resident.phase === 'loaded' && resident.engine?.hasFailed) void this.#unload(resident)
    if (resident.takesRequests) {
      resident.take()
      if (resident.wantedAt !== undefined) this.#turn()
    } else {
      await resident.wait(prompts, signal, () => this.#turn())
    }
    const { engine } = resident
    if (!engine) throw new InferloomError('engine_failed', `Model ${model} was lost while it was being loaded.`)
    return { engine, release: () => this.#release(resident) }
  }

  #residentOf(model: string): Resident {
    const resident = this.#residents.get(model)
    // What is in memory serves on as it is, whatever becomes of its file.
    if (resident && resident.phase !== 'unloaded') return resident
    const known = this.#options.catalog().find(({ engine }) => engine.model === model)
    if (!known) {
      if (resident?.waiters.size === 0) this.#residents.delete(model)
      throw new InferloomError('model_not_found', `There is no model '${model}' any more.`, { param: 'model' })
    }
    if (resident) {
      resident.known = known
      return resident
    }
    const added = new Resident(model, known)
    this.#residents.set(model, added)
    return added
  }

  #release(resident: Resident): void {
    resident.running--
    resident.usedAt = performance.now()
    this.#unloadWhenIdle(resident)
    if (resident.wantedAt !== undefined) this.#turn()
  }

  #unloadWhenIdle(resident: Resident): void {
    const { keepAliveSeconds, pinned } = resident.known
    clearTimeout(resident.idleTimer)
    if (pinned || keepAliveSeconds < 0 || resident.running > 0 || resident.phase !== 'loaded') return
    resident.idleTimer = setTimeout(() => {
      if (resident.phase === 'loaded' && resident.running === 0) void this.#unload(resident)
    }, keepAliveSeconds * 1000).unref()
  }

  /**
   * Decides who is loaded, who has to leave and who may begin, whenever something of that may have changed.
   *
   * Models that wait for memory are served in the order in which their oldest requests came. Those that have to leave
   * for the first of them take requests for a while longer (`pool-victims.ts`), finish what they have, and go.
   */
  #turn(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    const leaving = this.#loadNext()
    const now = performance.now()
    let next = Infinity
    for (const resident of this.#residents.values()) {
      if (resident.phase !== 'loaded') continue
      if (!leaving.has(resident)) resident.spare()
      else if (mayLeave(resident, now)) void this.#unload(resident, true)
      else next = Math.min(next, dueAt(resident))
      if (resident.takesRequests) resident.grantAll()
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#turn(), Math.max(1, next - now))
  }

  /** Starts what fits; returns those whose memory the first that does not fit needs. */
  #loadNext(): ReadonlySet<Resident> {
    const waiting = [...this.#residents.values()]
      .filter(({ phase, waiters }) => phase === 'unloaded' && waiters.size > 0)
      .sort((a, b) => a.oldestWaiter - b.oldestWaiter)
    for (const resident of waiting) {
      try {
        const footprint = this.#footprintOf(resident.known)
        const missing = this.#usedBytes + footprint.bytes - this.#options.budgetBytes
        if (missing > 0) {
          refuseBehindPinned(resident, footprint, this.#residents.values(), this.#options.budgetBytes)
          return chooseVictims(this.#residents.values(), missing)
        }
        void this.#load(resident, footprint)
      } catch (error) {
        resident.rejectAll(asInferloomError(error))
      }
    }
    return new Set()
  }

  #footprintOf(known: KnownModel): Planned {
    const gguf = this.#headers.of(known.files)
    checkAdapters(known.engine.lora ?? [], gguf)
    const { budgetBytes } = this.#options
    const engine = this.#tuning.engineOf(known, gguf, budgetBytes)
    return { ...footprintOf({ files: known.files, gguf, engine, budgetBytes }), engine }
  }

  /** Never rejects: resolves with what went wrong. */
  async #load(resident: Resident, { bytes, cells, engine: options }: Planned): Promise<InferloomError | undefined> {
    Object.assign(resident, { phase: 'loading', bytes })
    this.#usedBytes += bytes
    const { loadTimeoutSeconds } = this.#options
    let timer: NodeJS.Timeout | undefined
    try {
      // With templates and grammars it takes 2 MB, which a server without a model can do without.
      const { Engine } = await import('./engine.ts')
      if (this.#closed) throw this.#closed
      const engine = new Engine({ ...options, cells }, (news) => this.#tuning.hear(options, news))
      resident.engine = engine
      timer = setTimeout(() => {
        const text = `Model ${resident.name} was not loaded within ${loadTimeoutSeconds} s (engine.loadTimeoutSeconds).`
        void engine.close(new InferloomError('engine_failed', text))
      }, loadTimeoutSeconds * 1000)
      await engine.ready()
      resident.loaded()
      this.#turn()
      this.#unloadWhenIdle(resident)
      return undefined
    } catch (thrown) {
      const error = asInferloomError(thrown)
      resident.failed(error)
      resident.rejectAll(error)
      await this.#unload(resident)
      return error
    } finally {
      clearTimeout(timer)
      this.#tuning.settle(resident.name)
    }
  }

  async #unload(resident: Resident, forAnother = false): Promise<void> {
    resident.phase = 'unloading'
    resident.spare()
    clearTimeout(resident.idleTimer)
    if (forAnother) this.#swaps++
    await resident.engine?.close()
    this.#usedBytes -= resident.bytes
    Object.assign(resident, { phase: 'unloaded', engine: undefined, bytes: 0 })
    this.#turn()
  }

  async #preload(): Promise<void> {
    const loads: Promise<InferloomError | undefined>[] = []
    for (const known of this.#options.catalog()) {
      if (!known.checked && known.preload === 'no') continue
      try {
        const footprint = this.#footprintOf(known)
        const fits = this.#usedBytes + footprint.bytes <= this.#options.budgetBytes
        if (known.preload === 'no' || (known.preload === 'may' && !fits)) continue
        const resident = this.#residentOf(known.engine.model)
        if (!fits) this.#refuseBesidePreloaded(known, footprint)
        loads.push(this.#load(resident, footprint))
      } catch (error) {
        const { code } = asInferloomError(error)
        if (code !== 'model_too_big' || known.preload === 'must') throw error
      }
    }
    for (const error of await Promise.all(loads)) if (error) throw error
  }

  #refuseBesidePreloaded({ engine: { model } }: KnownModel, { bytes }: Footprint): never {
    throw new InferloomError(
      'model_too_big',
      `Model ${model} is to be loaded at the start and needs ${megabytes(bytes)} of memory; of the ` +
        `${megabytes(this.#options.budgetBytes)} for models, ${megabytes(this.#usedBytes)} are taken by those before it. ` +
        'Remedy: raise engine.memoryGB, or preload less.',
    )
  }
}
