import { InferloomError } from '../../canonical/errors.ts'
import { readGguf } from '../gguf.ts'
import { checkAdapters } from '../lora.ts'
import type { LoadOptions } from '../protocol.ts'
import type { Functions, Pointer } from './abi.ts'

/** A LoRA adapter in memory; it belongs to its model and is freed with it. */
export interface Adapter {
  readonly file: string
  readonly scale: number
  readonly pointer: Pointer
}

/** Throws an error that names the file when one is damaged or made for another model. */
export function loadAdapters(
  llama: Functions,
  model: Pointer,
  { file: base, lora = [] }: LoadOptions,
  log: readonly string[],
): Adapter[] {
  if (lora.length > 0) checkAdapters(lora, readGguf(base))
  return lora.map(({ file, scale }) => {
    const pointer = llama.adapterLoad(model, file)
    if (pointer) return { file, scale, pointer }
    const reason = log.join(' ').trim().slice(0, 600) || 'llama.cpp gave no reason'
    throw new InferloomError(
      'model_file_invalid',
      `The LoRA adapter ${file} cannot be used with ${base}: ${reason}. Remedy: use the model that it was trained on, or fetch it again.`,
    )
  })
}

/** Adapters are set for each context anew. */
export function useAdapters(llama: Functions, context: Pointer, adapters: readonly Adapter[]): void {
  if (adapters.length === 0) return
  const status = llama.adaptersSet(
    context,
    adapters.map(({ pointer }) => pointer),
    adapters.length,
    adapters.map(({ scale }) => scale),
  )
  if (status === 0) return
  const files = adapters.map(({ file }) => file).join(', ')
  throw new InferloomError('model_file_invalid', `llama.cpp refused the LoRA adapters ${files} (status ${status}).`)
}
