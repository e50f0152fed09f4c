import { statSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import { engineOptions } from './engines.ts'

/** The local models of a configuration, as far as they are known before they are loaded. */
export function configuredModels(loaded: LoadedConfig): { id: string; file: string; size_bytes?: number }[] {
  return engineOptions(loaded).map(({ model, file }) => {
    const size = statSync(file, { throwIfNoEntry: false })?.size
    return { id: model, file, ...(size !== undefined && { size_bytes: size }) }
  })
}
