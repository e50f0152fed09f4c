import { InferloomError } from '../canonical/errors.ts'
import { readGguf, type Gguf } from './gguf.ts'

/** A small set of weights that is added to those of a model, so many times. */
export interface LoraAdapter {
  readonly file: string
  readonly scale: number
}

/**
 * Looks at the headers of adapters before llama.cpp does: it would refuse them without saying which or why.
 * Throws `model_file_missing`, `model_file_invalid` or `model_unsupported`, naming the file.
 */
export function checkAdapters(adapters: readonly LoraAdapter[], base: Pick<Gguf, 'architecture' | 'file'>): void {
  for (const { file } of adapters) {
    const { kind, adapterType, architecture } = readGguf(file)
    if (kind !== 'adapter' || adapterType !== 'lora') {
      throw new InferloomError(
        'model_file_invalid',
        `${file} is not a LoRA adapter: its general.type is ${kind ?? 'not there'}, not adapter. ` +
          'Remedy: name a GGUF file made by convert_lora_to_gguf.py.',
      )
    }
    if (architecture === base.architecture) continue
    throw new InferloomError(
      'model_unsupported',
      `${file} is a LoRA adapter for models of architecture '${architecture}', and ${base.file} is of ` +
        `'${base.architecture}'. Remedy: use the model that the adapter was trained on.`,
    )
  }
}
