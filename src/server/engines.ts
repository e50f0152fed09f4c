import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/schema.ts'
import type { EngineOptions } from '../engine/engine.ts'

const builtin = {
  name: 'loom-mini',
  file: fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url)),
  // A model this small is right most often when it takes the likeliest words.
  sampling: { temperature: 0.1 },
}

/** How each local model of the configuration is to be run, the built-in one first. */
export function engineOptions({ engine, models, builtin: withBuiltin }: Config): EngineOptions[] {
  const named = Object.entries(models).map(([name, model]) => ({ name, ...model }))
  const all = withBuiltin && !('loom-mini' in models) ? [builtin, ...named] : named
  return all.map((model: (typeof named)[number] | typeof builtin) => ({
    model: model.name,
    file: model.file,
    threads: ('threads' in model ? model.threads : undefined) ?? engine.threads ?? availableParallelism(),
    parallel: ('parallel' in model ? model.parallel : undefined) ?? engine.parallel,
    batchTokens: engine.batchTokens,
    prefillChunkTokens: engine.prefillChunkTokens,
    targetGapMs: engine.targetGapMs,
    prefixReuse: engine.prefixReuse,
    prefixCacheBytes: engine.prefixCacheMB * 1_000_000,
    queueLimit: engine.queue,
    stallSeconds: engine.stallSeconds,
    ...('context' in model && model.context !== undefined && { contextTokens: model.context }),
    ...(model.sampling && { sampling: withoutUndefined(model.sampling) }),
  }))
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
