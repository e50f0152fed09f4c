import type { MemoryEstimate } from './fit.ts'
import type { Gguf } from './gguf.ts'

/** Left to the display and to what drivers keep for themselves. */
const spareShare = 0.08

/**
 * How many layers of a model go to a GPU: as many as fit beside the buffers that computing needs there, and the output
 * layer last, as llama.cpp counts it. Their weights and their part of the KV cache move together.
 */
export function gpuLayers(
  { layers }: Pick<Gguf, 'layers'>,
  { weights, kvCache, compute }: Pick<MemoryEstimate, 'weights' | 'kvCache' | 'compute'>,
  freeBytes: number,
): number {
  const all = layers + 1
  const room = freeBytes * (1 - spareShare) - compute
  if (room <= 0) return 0
  return Math.min(all, Math.floor(room / ((weights + kvCache) / all)))
}
