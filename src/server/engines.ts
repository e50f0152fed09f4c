import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/schema.ts'
import type { LoadedConfig } from '../config/load.ts'
import { availableMemory } from '../engine/available-memory.ts'
import type { EngineOptions } from '../engine/engine.ts'
import type { KnownModel } from '../engine/pool-resident.ts'
import { EnginePool } from '../engine/pool.ts'
import { splitOf } from '../engine/store/file-names.ts'
import { openModelStore } from '../engine/store/store.ts'

type ModelSettings = Config['models'][string]

const builtin = {
  name: 'loom-mini',
  file: fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url)),
  // A model this small is right most often when it takes the likeliest words.
  sampling: { temperature: 0.1 },
}

/** What models may take of the memory that is available at the start. */
const memoryShare = 0.7

/** The local models as one provider; those of the configuration win a name, then come those of the store. */
export function openPool({ config, home }: LoadedConfig): EnginePool {
  const configured = configuredModels(config)
  const names = new Set(configured.map(({ engine }) => engine.model))
  const store = openModelStore({ home, folders: config.store.folders })
  const { memoryGB, loadTimeoutSeconds } = config.engine
  return new EnginePool({
    catalog: () => [
      ...configured,
      ...store
        .list()
        .filter(({ name }) => !names.has(name))
        .map(({ name, files }) => storedModel(name, files, config)),
    ],
    budgetBytes: memoryGB === undefined ? availableMemory() * memoryShare : memoryGB * 1e9,
    loadTimeoutSeconds,
  })
}

/** How each local model of the configuration is to be run, the built-in one first. */
export function engineOptions(config: Config): EngineOptions[] {
  return configuredModels(config).map(({ engine }) => engine)
}

function configuredModels(config: Config): KnownModel[] {
  const { models, builtin: withBuiltin, engine } = config
  const named = Object.entries(models).map(([name, model]): KnownModel => {
    const { file, preload, pinned, keepAlive = engine.keepAlive } = model
    return {
      engine: optionsOf(name, file, config, model),
      files: partsOf(file),
      pinned,
      preload: preload === undefined ? 'may' : preload ? 'must' : 'no',
      keepAliveSeconds: keepAlive,
      checked: true,
    }
  })
  if (!withBuiltin || builtin.name in models) return named
  const { name, file } = builtin
  const options = optionsOf(name, file, config, builtin)
  return [
    { engine: options, files: [file], pinned: false, preload: 'may', keepAliveSeconds: -1, checked: true },
    ...named,
  ]
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

function storedModel(name: string, files: readonly [string, ...string[]], config: Config): KnownModel {
  return {
    engine: optionsOf(name, files[0], config),
    files,
    pinned: false,
    preload: 'no',
    keepAliveSeconds: config.engine.keepAlive,
    checked: false,
  }
}

function optionsOf(
  name: string,
  file: string,
  { engine }: Config,
  { threads, parallel, context, sampling, lora }: Partial<ModelSettings> = {},
): EngineOptions {
  return {
    model: name,
    file,
    threads: threads ?? engine.threads ?? availableParallelism(),
    parallel: parallel ?? engine.parallel,
    batchTokens: engine.batchTokens,
    prefillChunkTokens: engine.prefillChunkTokens,
    targetGapMs: engine.targetGapMs,
    prefixReuse: engine.prefixReuse,
    prefixCacheBytes: engine.prefixCacheMB * 1_000_000,
    queueLimit: engine.queue,
    stallSeconds: engine.stallSeconds,
    ...(context !== undefined && { contextTokens: context }),
    ...(sampling && { sampling: withoutUndefined(sampling) }),
    ...(lora && lora.length > 0 && { lora }),
  }
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
