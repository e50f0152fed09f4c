// How the engine's process measures: large models before they are ready, small ones when there is nothing else to do.
import { availableParallelism } from 'node:os'
import { autotune } from './autotune.ts'
import { physicalCores } from './autotune-machine.ts'
import type { TunedPart, TuningResult } from './autotune-result.ts'
import type { Pointer } from './binding/abi.ts'
import type { Library } from './binding/library.ts'
import { fusedByDefault } from './binding/model.ts'
import { estimateMemory } from './fit.ts'
import { readGguf } from './gguf.ts'
import type { LoadOptions } from './protocol.ts'

/** Models whose weights are smaller start with the defaults: they answer faster than anything could be measured. */
const smallWeightBytes = 100_000_000
/** What a model may need more of memory than with the defaults. */
const mostExtraMemory = 0.05

export interface MeasureOptions {
  readonly parts: readonly TunedPart[]
  readonly budgetMs: number
}

/** Measures a loaded model; pauses after each evaluation. */
export function measure(
  library: Library,
  model: Pointer,
  load: LoadOptions,
  { parts, budgetMs }: MeasureOptions,
): Generator<void, TuningResult, undefined> {
  const { llama } = library
  const gguf = readGguf(load.file)
  const flashAttention = load.flashAttention ?? fusedByDefault(library, model)
  const defaults = { threads: load.threads, batchTokens: load.batchTokens, flashAttention }
  const bytesOf = (settings: { batchTokens: number; flashAttention: boolean }) => {
    const { compute, kvCache, perContextToken, contextTokens } = estimateMemory(gguf, { ...load, ...settings })
    const others = Math.max(0, (load.cells ?? 0) - contextTokens) * perContextToken
    return llama.modelSize(model) + kvCache + compute + others
  }
  const most = bytesOf(defaults) * (1 + mostExtraMemory)
  return autotune(llama, model, {
    parts,
    defaults,
    cores: Math.min(physicalCores(), availableParallelism()),
    budgetMs,
    affords: (settings) => bytesOf(settings) <= most,
  })
}

/** Runs a measurement to its end. */
export function toEnd<T>(measurement: Generator<void, T, undefined>): T {
  for (;;) {
    const { done, value } = measurement.next()
    if (done) return value
  }
}

export type TuningNews = { readonly type: 'tuning' } | { readonly type: 'tuned'; readonly result: TuningResult }

/** A load may take so much longer, once for each model and machine. */
const atLoadMs = 4000
const whenIdleMs = 2000
/** So long must nothing have been asked before a small model is measured. */
const quietMs = 5000

/** How a large model is to be used, of which something is open: measured at once, between its weights and its context. */
export function tunedAtLoad(
  library: Library,
  model: Pointer,
  options: LoadOptions,
  tell: (news: TuningNews) => void,
): LoadOptions {
  const { autotune: parts = [] } = options
  const { llama } = library
  if (parts.length === 0 || llama.modelSize(model) < smallWeightBytes || llama.modelHasEncoder(model)) return options
  tell({ type: 'tuning' })
  try {
    const result = toEnd(measure(library, model, options, { parts, budgetMs: atLoadMs }))
    tell({ type: 'tuned', result })
    return { ...options, ...result.tuning }
  } catch (error) {
    process.stderr.write(`what is fastest could not be measured: ${String(error)}\n`)
    return options
  }
}

/** What an idle process can be asked, and told. */
export interface IdleWorker {
  /** Changes with everything that it does. */
  readonly activity: () => number
  readonly isBusy: () => boolean
  readonly tell: (news: TuningNews) => void
}

/**
 * Measures the threads of a small model once nothing has been asked for a while, and uses what it finds from then on.
 * A request that comes meanwhile waits for one evaluation, and the measurement begins anew later.
 */
export function tuneWhenIdle(
  library: Library,
  { model, context }: { readonly model: Pointer; readonly context: Pointer },
  options: LoadOptions,
  worker: IdleWorker,
): void {
  const { llama } = library
  if (!options.autotune?.includes('threads') || llama.modelSize(model) >= smallWeightBytes) return
  if (!llama.hasMemory(context) || llama.modelHasEncoder(model)) return
  let seen = worker.activity()
  const look = () => {
    const quiet = !worker.isBusy() && worker.activity() === seen
    seen = worker.activity()
    if (!quiet) return void setTimeout(look, quietMs)
    const measurement = measure(library, model, options, { parts: ['threads'], budgetMs: whenIdleMs })
    const goOn = () => {
      if (worker.isBusy()) {
        measurement.return(nothing)
        return void setTimeout(look, quietMs)
      }
      const { done, value: result } = measurement.next()
      if (!done) return void setImmediate(goOn)
      const { threads = options.threads } = result.tuning
      llama.setThreads(context, threads, threads)
      worker.tell({ type: 'tuned', result })
    }
    goOn()
  }
  setTimeout(look, quietMs)
}

const nothing: TuningResult = { tuning: {}, trials: [] }
