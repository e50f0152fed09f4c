import type { EngineReport } from './engine.ts'
import type { KnownModel, Resident } from './pool-resident.ts'

/** What `/admin/engine` shows of one model. */
export interface ModelReport extends Omit<EngineReport, 'state'> {
  readonly state: EngineReport['state'] | 'unloaded' | 'waiting' | 'draining' | 'unloading'
  readonly pinned: boolean
  readonly keepAliveSeconds: number
  /** What it takes in memory, or would take; absent where its file says nothing about it. */
  readonly memoryBytes: number | undefined
  /** Times it was loaded, and requests that wait for that. */
  readonly loads: number
  readonly waitingForLoad: number
  readonly lora: readonly { readonly file: string; readonly scale: number }[]
}

export interface PoolReport {
  readonly data: readonly ModelReport[]
  /** `swaps` counts models that left memory for another. */
  readonly pool: { readonly budgetBytes: number; readonly usedBytes: number; readonly swaps: number }
}

export async function reportOf(
  { engine: options, pinned, keepAliveSeconds }: KnownModel,
  resident: Resident | undefined,
  plan: () => { readonly bytes: number; readonly engine: { readonly threads: number } },
): Promise<ModelReport> {
  const engine = await resident?.engine?.report()
  const planned = orNothing(plan)
  return {
    ...(engine ?? {
      model: options.model,
      pid: undefined,
      threads: planned?.engine.threads ?? options.threads,
      restarts: 0,
      outstanding: 0,
      libraries: undefined,
      cells: undefined,
      stats: undefined,
    }),
    state: stateOf(resident, engine),
    pinned,
    keepAliveSeconds,
    memoryBytes: resident?.bytes || planned?.bytes,
    loads: resident?.loads ?? 0,
    waitingForLoad: resident?.waitingPrompts ?? 0,
    lora: options.lora ?? [],
  }
}

function stateOf(resident: Resident | undefined, engine: EngineReport | undefined): ModelReport['state'] {
  if (!resident || resident.phase === 'unloaded') return resident?.waiters.size ? 'waiting' : 'unloaded'
  if (resident.phase === 'unloading') return 'unloading'
  if (resident.draining) return 'draining'
  return engine?.state ?? 'starting'
}

function orNothing<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
