import { basename } from 'node:path'
import { InferloomError } from '../canonical/errors.ts'
import { readSplitGguf, type Gguf } from './gguf.ts'
import { usualQuantisations } from './tensor-types.ts'

export interface FitOptions {
  /** Tokens of prompt and output of one request; absent or above it: what the model was trained for. */
  readonly contextTokens?: number | undefined
  /** Requests at full length at once. The engine makes do with room for one, so that is the default. */
  readonly parallel?: number
  readonly batchTokens: number
  /** 2 for F16, the engine's default. */
  readonly kvBytesPerValue?: number
  /** Without it the attention scores of a whole batch are in memory at once. */
  readonly flashAttention?: boolean
}

/** Bytes that a model needs in memory. */
export interface MemoryEstimate {
  readonly weights: number
  readonly kvCache: number
  readonly compute: number
  readonly total: number
  readonly contextTokens: number
  /** What one token of context adds to the KV cache and to the buffers. */
  readonly perContextToken: number
}

const defaultContextTokens = 4096

/**
 * Estimates what a model needs, from its header alone.
 *
 * The weights are exact. The KV cache counts every layer at the full context: layers with a sliding window keep all of
 * it under llama.cpp's default (`swa_full`), and recurrent layers name no heads. The compute buffers count the two
 * largest things in them, attention scores and logits; for models of the llama family that is what llama.cpp reserves
 * (fit.test.ts compares), others differ by a few percent of the total.
 */
export function estimateMemory(gguf: Gguf, options: FitOptions): MemoryEstimate {
  const { parallel = 1, batchTokens, kvBytesPerValue = 2, flashAttention = false } = options
  const trained = gguf.contextTokens ?? defaultContextTokens
  const contextTokens = Math.min(options.contextTokens ?? trained, trained)
  const valuesPerToken = gguf.headsKv.reduce((sum, heads) => sum + heads * (gguf.keyLength + gguf.valueLength), 0)
  const kvPerToken = gguf.causal ? valuesPerToken * kvBytesPerValue * parallel : 0
  // One score a head in F32, and the mask: F32 too, or a copy in F16 beside it for the fused kernel.
  const scoresPerToken = batchTokens * (flashAttention ? 4 + 2 : 4 + 4 * gguf.heads) * parallel
  const widest = Math.max(gguf.vocabulary ?? 0, 6 * gguf.embedding)
  const perContextToken = kvPerToken + scoresPerToken
  const weights = gguf.weightBytes
  const kvCache = kvPerToken * contextTokens
  const compute = scoresPerToken * contextTokens + batchTokens * widest * 4
  return { weights, kvCache, compute, total: weights + kvCache + compute, contextTokens, perContextToken }
}

export interface Fit {
  /** `tight` leaves less than a tenth of the free memory to everything else. */
  readonly verdict: 'fits' | 'tight' | 'too-big'
  /** The most tokens of context that would fit, up to what was asked for; 0 when the weights alone are too much. */
  readonly largestContext: number
}

export function fitOn(estimate: MemoryEstimate, freeBytes: number): Fit {
  const { total, contextTokens, perContextToken } = estimate
  const fixed = total - perContextToken * contextTokens
  const affordable = perContextToken === 0 ? contextTokens : Math.floor((freeBytes - fixed) / perContextToken)
  const verdict = total > freeBytes ? 'too-big' : total > freeBytes * 0.9 ? 'tight' : 'fits'
  const largestContext = fixed > freeBytes ? 0 : Math.min(contextTokens, Math.max(0, affordable))
  return { verdict, largestContext }
}

/** A context below this is of no use, so it is not recommended. */
const usefulContext = 512

/**
 * Throws `model_too_big` with the numbers, and with what would fit, unless a model fits in the free memory.
 * Takes one file, or all the files of a split model.
 */
export function refuseUnlessItFits(files: string | readonly string[], options: FitOptions, freeMemory: number): void {
  const gguf = readSplitGguf(typeof files === 'string' ? [files] : files)
  const estimate = estimateMemory(gguf, options)
  const { verdict, largestContext } = fitOn(estimate, freeMemory)
  if (verdict !== 'too-big') return
  const { weights, kvCache, compute, total, contextTokens } = estimate
  throw new InferloomError(
    'model_too_big',
    `${basename(gguf.file)} needs ${size(total)} of memory with a context of ${whole(contextTokens)} tokens: ` +
      `${size(weights)} for its ${gguf.quantisation} weights, ${size(kvCache)} for the KV cache and ${size(compute)} ` +
      `to compute. ${size(freeMemory)} are free. Remedy: ${remedy(gguf, estimate, largestContext, freeMemory)}.`,
  )
}

function remedy(gguf: Gguf, estimate: MemoryEstimate, largestContext: number, freeMemory: number): string {
  const options: string[] = []
  if (largestContext >= usefulContext) {
    options.push(`set its context to ${whole(Math.floor(largestContext / 256) * 256)} tokens or fewer`)
  }
  const smaller = usualQuantisations.find(({ bitsPerParameter }) => {
    const weights = (gguf.parameters * bitsPerParameter) / 8
    return weights < gguf.weightBytes * 0.97 && estimate.total - gguf.weightBytes + weights <= freeMemory
  })
  if (smaller) options.push(`take it in ${smaller.name}, which fits`)
  if (options.length === 0) options.push('take a smaller model')
  return [...options, 'free some memory'].join(', or ')
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

function whole(tokens: number): string {
  return tokens.toLocaleString('en')
}
