import { statSync } from 'node:fs'
import { InferloomError } from '../canonical/errors.ts'
import { fusedHeadSize, mostCells } from './cache-size.ts'
import type { EngineOptions } from './engine.ts'
import { estimateMemory, refuseUnlessItFits } from './fit.ts'
import type { Gguf } from './gguf.ts'

/** What a model takes of the memory for models while it is loaded. */
export interface Footprint {
  readonly bytes: number
  /** Tokens that all of its running requests may hold together. */
  readonly cells: number
}

/** A process with Node and llama.cpp in it and no model: 75 MB resident, measured. */
const processBytes = 80_000_000
/** The most that the KV cache of one model may take of all memory for models; but it has room for one request. */
const cacheShare = 0.25

export interface FootprintOptions {
  readonly files: readonly [string, ...string[]]
  readonly gguf: Gguf
  readonly engine: EngineOptions
  readonly budgetBytes: number
}

/** Throws `model_too_big`, with the numbers, for a model that does not fit even alone. */
export function footprintOf({ files, gguf, engine, budgetBytes }: FootprintOptions): Footprint {
  const { contextTokens, batchTokens, parallel, lora = [] } = engine
  const flashAttention = engine.flashAttention ?? gguf.keyLength >= fusedHeadSize
  const estimate = estimateMemory(gguf, { contextTokens, batchTokens, flashAttention })
  const beside = processBytes + lora.reduce((sum, { file }) => sum + sizeOf(file), 0)
  const fixed = beside + estimate.total - estimate.perContextToken * estimate.contextTokens
  const room = budgetBytes - beside
  if (estimate.total > room) {
    throw tooBig(() => refuseUnlessItFits(files, { contextTokens, batchTokens, flashAttention }, room), budgetBytes)
  }
  const perCell = Math.max(1, estimate.perContextToken)
  const affordable = Math.floor(Math.min(budgetBytes * cacheShare, budgetBytes - fixed) / perCell)
  const cells = Math.max(estimate.contextTokens, Math.min(estimate.contextTokens * parallel, mostCells, affordable))
  return { bytes: Math.ceil(fixed + cells * estimate.perContextToken), cells }
}

function tooBig(refuse: () => void, budgetBytes: number): InferloomError {
  const limit = `Models may take ${megabytes(budgetBytes)} together (engine.memoryGB).`
  try {
    refuse()
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    return new InferloomError(error.code, `${error.message} ${limit}`, { param: 'model', cause: error })
  }
  return new InferloomError('model_too_big', `The model does not fit in memory. ${limit}`, { param: 'model' })
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString('en')} MB`
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
