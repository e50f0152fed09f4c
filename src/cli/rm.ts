import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { localModels, storeOf } from '../server/local-models.ts'
import { bytes } from './format.ts'

/** Deletes a model that was pulled. Throws `invalid_value` for one that only the configuration can take away. */
export function removeModel(loaded: LoadedConfig, name: string): void {
  const store = storeOf(loaded)
  const configured = localModels(loaded, store).find(({ id }) => id === name)
  if (configured?.where === 'built in') {
    throw new InferloomError('invalid_value', `${name} is part of inferloom. Remedy: set builtin: false to hide it.`)
  }
  if (configured?.where === 'inferloom.yaml') {
    throw new InferloomError(
      'invalid_value',
      `${name} is named in ${loaded.file ?? 'the configuration'}. Remedy: take it out there, and delete ${configured.file} yourself.`,
    )
  }
  const { sizeBytes, files } = store.remove(name)
  process.stdout.write(
    `deleted ${name}: ${files.length === 1 ? '1 file' : `${files.length} files`}, ${bytes(sizeBytes)}\n`,
  )
  if (files.every((file) => file.endsWith('.part'))) return
  process.stdout.write(
    'A server that has it loaded answers with it until it unloads it; only then is the space free.\n',
  )
}
