import type { TunedPart } from './autotune-result.ts'
import type { TuningNews } from './autotune-worker.ts'
import type { TuneFile } from './autotune-file.ts'
import type { EngineOptions } from './engine.ts'
import type { Gguf } from './gguf.ts'
import { footprintOf } from './pool-memory.ts'
import type { KnownModel } from './pool-resident.ts'

export interface TuningOptions {
  readonly file: TuneFile
  /** Called when a measurement keeps the first request waiting. */
  readonly announce: (model: string) => void
  /** Called when what was measured cannot be kept. */
  readonly complain: (error: unknown) => void
}

/** A measurement that is over sooner need not be spoken of. */
const announceAfterMs = 2000

/** Uses what was measured for a model where its configuration leaves that open, and keeps what is measured. */
export class PoolTuning {
  readonly #options: TuningOptions
  readonly #announcements = new Map<string, NodeJS.Timeout>()

  constructor(options: TuningOptions) {
    this.#options = options
  }

  /** How a model is to be run, and what is to be measured of it. */
  engineOf({ engine, files }: KnownModel, gguf: Gguf, budgetBytes: number): EngineOptions {
    const { autotune: open = [], ...rest } = engine
    if (open.length === 0 || !gguf.causal) return rest
    const { tuning = {} } = this.#options.file.of(engine.file) ?? {}
    const use = (parts: readonly TunedPart[]): EngineOptions => ({
      ...rest,
      ...Object.fromEntries(parts.map((part) => [part, tuning[part]])),
      autotune: open.filter((part) => tuning[part] === undefined),
    })
    const tuned = use(open.filter((part) => tuning[part] !== undefined))
    try {
      footprintOf({ files, gguf, engine: tuned, budgetBytes })
      return tuned
    } catch {
      // A larger batch, or attention that keeps its scores, may not fit where the defaults do.
      return use(open.filter((part) => part === 'threads' && tuning.threads !== undefined))
    }
  }

  /** Called with what a model's process says of its measurement. */
  hear({ model, file }: EngineOptions, news: TuningNews): void {
    const { announce, complain } = this.#options
    this.settle(model)
    if (news.type === 'tuning') {
      this.#announcements.set(model, setTimeout(() => announce(model), announceAfterMs).unref())
      return
    }
    try {
      this.#options.file.keep(file, model, news.result)
    } catch (error) {
      complain(error)
    }
  }

  /** Its measurement is over, whichever way. */
  settle(model: string): void {
    clearTimeout(this.#announcements.get(model))
    this.#announcements.delete(model)
  }
}
