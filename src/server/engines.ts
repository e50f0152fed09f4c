import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/schema.ts'
import type { LoadedConfig } from '../config/load.ts'
import { availableMemory } from '../engine/available-memory.ts'
import type { EngineOptions } from '../engine/engine.ts'
import type { KnownModel } from '../engine/pool-resident.ts'
import { EnginePool } from '../engine/pool.ts'
import { splitOf } from '../engine/store/file-names.ts'
import { openModelStore } from '../engine/store/store.ts'
import { openParts, poolTuning } from './tuning.ts'

type ModelSettings = Config['models'][string]

const builtins = [
  {
    name: 'loom-mini',
    file: fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url)),
    // A model this small is right most often when it takes the likeliest words.
    sampling: { temperature: 0.1 },
    preload: 'may',
    keepAliveSeconds: -1,
  },
  {
    // Something to choose between; it costs nothing until it is asked.
    name: 'loom-nano',
    file: fileURLToPath(new URL('../../models/loom-nano.gguf', import.meta.url)),
    sampling: { temperature: 0.1 },
    preload: 'no',
    keepAliveSeconds: undefined,
  },
  {
    // Of vectors; it costs nothing until it is asked.
    name: 'loom-embed',
    file: fileURLToPath(new URL('../../models/loom-embed.gguf', import.meta.url)),
    sampling: undefined,
    preload: 'no',
    keepAliveSeconds: undefined,
  },
] as const

/** What models may take of the memory that is available at the start. */
const memoryShare = 0.7

/** Where neither the configuration nor a measurement says otherwise. */
export const defaultBatchTokens = 512

/** The local models as one provider. */
export function openPool(loaded: LoadedConfig): EnginePool {
  const { memoryGB, loadTimeoutSeconds } = loaded.config.engine
  return new EnginePool({
    catalog: catalogOf(loaded),
    budgetBytes: memoryGB === undefined ? availableMemory() * memoryShare : memoryGB * 1e9,
    loadTimeoutSeconds,
    tuning: poolTuning(loaded),
  })
}

/** All local models, asked anew each time; those of the configuration win a name, then come those of the store. */
export function catalogOf(loaded: LoadedConfig): () => KnownModel[] {
  const { config, home } = loaded
  const configured = configuredModels(loaded)
  const names = new Set(configured.map(({ engine }) => engine.model))
  const store = openModelStore({ home, folders: config.store.folders })
  return () => [
    ...configured,
    ...store
      .list()
      .filter(({ name }) => !names.has(name))
      .map(({ name, files }) => storedModel(name, files, loaded)),
  ]
}

/** How each local model of the configuration is to be run, the built-in one first. */
export function engineOptions(loaded: LoadedConfig): EngineOptions[] {
  return configuredModels(loaded).map(({ engine }) => engine)
}

function configuredModels(loaded: LoadedConfig): KnownModel[] {
  const { models, builtin: withBuiltin, engine } = loaded.config
  const named = Object.entries(models).map(([name, model]): KnownModel => {
    const { file, preload, pinned, keepAlive = engine.keepAlive } = model
    return {
      engine: optionsOf(name, file, loaded, model),
      files: partsOf(file),
      pinned,
      preload: preload === undefined ? 'may' : preload ? 'must' : 'no',
      keepAliveSeconds: keepAlive,
      checked: true,
    }
  })
  if (!withBuiltin) return named
  const own = builtins
    .filter(({ name }) => !(name in models))
    .map(({ name, file, sampling, preload, keepAliveSeconds = engine.keepAlive }): KnownModel => {
      const options = optionsOf(name, file, loaded, { sampling })
      return { engine: options, files: [file], pinned: false, preload, keepAliveSeconds, checked: true }
    })
  return [...own, ...named]
}

/** All files of a model, of which the first is named where it is split. */
function partsOf(file: string): [string, ...string[]] {
  const { stem, count } = splitOf(file)
  const numbered = (index: number) => String(index).padStart(5, '0')
  const others = Array.from(
    { length: count - 1 },
    (_, index) => `${stem}-${numbered(index + 2)}-of-${numbered(count)}.gguf`,
  )
  return [file, ...others]
}

function storedModel(name: string, files: readonly [string, ...string[]], loaded: LoadedConfig): KnownModel {
  return {
    engine: optionsOf(name, files[0], loaded),
    files,
    pinned: false,
    preload: 'no',
    keepAliveSeconds: loaded.config.engine.keepAlive,
    checked: false,
  }
}

function optionsOf(
  name: string,
  file: string,
  { config: { engine }, home }: LoadedConfig,
  { threads, parallel, context, sampling, lora }: Partial<ModelSettings> = {},
): EngineOptions {
  return {
    model: name,
    file,
    threads: threads ?? engine.threads ?? availableParallelism(),
    parallel: parallel ?? engine.parallel,
    batchTokens: engine.batchTokens ?? defaultBatchTokens,
    autotune: openParts(engine, threads),
    prefillChunkTokens: engine.prefillChunkTokens,
    targetGapMs: engine.targetGapMs,
    prefixReuse: engine.prefixReuse,
    prefixCacheBytes: engine.prefixCacheMB * 1_000_000,
    queueLimit: engine.queue,
    stallSeconds: engine.stallSeconds,
    ...(context !== undefined && { contextTokens: context }),
    ...(sampling && { sampling: withoutUndefined(sampling) }),
    ...(engine.savePrefixes && { prefixFile: join(home, 'prefixes', `${encodeURIComponent(name)}.bin`) }),
    ...(lora && lora.length > 0 && { lora }),
  }
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
