import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { availableMemory } from '../engine/available-memory.ts'
import { estimateMemory, fitOn, type Fit } from '../engine/fit.ts'
import { readSplitGguf } from '../engine/gguf.ts'
import { openModelStore, type ModelStore } from '../engine/store/store.ts'
import { defaultBatchTokens, engineOptions } from './engines.ts'

// What the command line needs of the model store; it may not reach into the engine itself.
export { hubFrom } from '../engine/store/hub.ts'
export { pull } from '../engine/store/pull.ts'

/** A model on this machine, with what its file and this machine's memory say about it. */
export interface LocalModel {
  readonly id: string
  readonly file: string
  readonly where: 'built in' | 'inferloom.yaml' | 'pulled' | 'folder'
  /** What it was pulled from. */
  readonly source?: string
  readonly size_bytes?: number
  readonly architecture?: string
  readonly quantisation?: string
  readonly parameters?: number
  readonly context_length?: number
  readonly memory_bytes?: number
  readonly fit?: Fit['verdict']
  /** The context that fits, where the whole one does not. */
  readonly fit_context?: number
  /** Why it cannot be served. */
  readonly problem?: string
}

export function storeOf({ config, home }: LoadedConfig): ModelStore {
  return openModelStore({ home, folders: config.store.folders })
}

/** The models of the configuration, which win a name, then those of the store. */
export function localModels(loaded: LoadedConfig, store: ModelStore): LocalModel[] {
  const { config } = loaded
  const free = availableMemory()
  const { batchTokens = defaultBatchTokens } = config.engine
  const configured = engineOptions(loaded).map(({ model, file, contextTokens }) => {
    const where = model in config.models ? ('inferloom.yaml' as const) : ('built in' as const)
    return { id: model, file, where, ...described([file], { contextTokens, batchTokens, free }) }
  })
  const taken = new Set(configured.map(({ id }) => id))
  const stored = store.list().filter(({ name }) => !taken.has(name))
  return [
    ...configured,
    ...stored.map(({ name, files, owned, source }) => ({
      id: name,
      file: files[0],
      where: owned ? ('pulled' as const) : ('folder' as const),
      ...(source !== undefined && { source }),
      ...described(files, { contextTokens: undefined, batchTokens, free }),
    })),
  ]
}

interface Circumstances {
  readonly contextTokens: number | undefined
  readonly batchTokens: number
  readonly free: number
}

function described(files: readonly string[], { contextTokens, batchTokens, free }: Circumstances) {
  try {
    const gguf = readSplitGguf(files)
    const estimate = estimateMemory(gguf, { contextTokens, batchTokens })
    const { verdict, largestContext } = fitOn(estimate, free)
    return {
      size_bytes: gguf.sizeBytes,
      architecture: gguf.architecture,
      quantisation: gguf.quantisation,
      parameters: gguf.parameters,
      context_length: estimate.contextTokens,
      memory_bytes: Math.round(estimate.total),
      fit: verdict,
      ...(verdict === 'too-big' && largestContext > 0 && { fit_context: largestContext }),
    }
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    return { problem: error.message }
  }
}
