import { join } from 'node:path'
import { asInferloomError, InferloomError } from '../canonical/errors.ts'
import type { Config } from '../config/schema.ts'
import type { LoadedConfig } from '../config/load.ts'
import { TuneFile } from '../engine/autotune-file.ts'
import type { KnownModel } from '../engine/pool-resident.ts'
import type { TuningOptions } from '../engine/autotune-pool.ts'
import type { Trial, TunedPart } from '../engine/autotune-result.ts'

export function tuneFileOf({ home }: Pick<LoadedConfig, 'home'>): TuneFile {
  return new TuneFile(join(home, 'tune.json'))
}

/** What a configuration leaves open for a model, so that it is measured. */
export function openParts(engine: Config['engine'], threads: number | undefined): TunedPart[] {
  const parts: TunedPart[] = threads === undefined && engine.threads === undefined ? ['threads'] : []
  if (engine.batchTokens === undefined) parts.push('batchTokens')
  return [...parts, 'flashAttention']
}

/** Says on stderr what keeps a first request waiting, unless nothing is to be said there. */
export function poolTuning({ config, home }: LoadedConfig): TuningOptions {
  const say = (text: string) => config.log === 'silent' || process.stderr.write(`inferloom: ${text}\n`)
  return {
    file: tuneFileOf({ home }),
    announce: (model) => void say(`measuring how ${model} runs fastest on this machine, once, for a few seconds …`),
    complain: (error) => void say(`what was measured could not be written to ${home}: ${String(error)}`),
  }
}

/** A setting of a model that can be measured, and where its value comes from. */
export interface TunedSetting {
  readonly value: number | boolean | 'automatic'
  readonly why: 'set' | 'measured' | 'default'
  /** When it was measured: `2026-11-25`. */
  readonly date?: string
}

/** How a model is run at its next load, and what was measured for it. */
export interface ModelTuning {
  readonly model: string
  readonly settings: Readonly<Record<TunedPart, TunedSetting>>
  readonly trials: readonly Trial[]
}

const parts: readonly TunedPart[] = ['threads', 'batchTokens', 'flashAttention']

export function tuningOf({ engine }: KnownModel, file: TuneFile): ModelTuning {
  const kept = file.of(engine.file)
  const settings = parts.map((part): [TunedPart, TunedSetting] => {
    const measured = kept?.tuning[part]
    if (!engine.autotune?.includes(part)) return [part, { value: engine[part] ?? 'automatic', why: 'set' }]
    if (kept && measured !== undefined) return [part, { value: measured, why: 'measured', date: kept.date }]
    return [part, { value: engine[part] ?? 'automatic', why: 'default' }]
  })
  return {
    model: engine.model,
    settings: Object.fromEntries(settings) as ModelTuning['settings'],
    trials: kept?.trials ?? [],
  }
}

/**
 * Measures a model, or all of them, whatever was measured before.
 * Yields each name before it is measured, and then what came of it.
 */
export async function* tuneModels(
  known: readonly KnownModel[],
  file: TuneFile,
  only: string | undefined,
): AsyncGenerator<{ model: string; result?: ModelTuning; error?: InferloomError }> {
  const chosen = known.filter(({ engine }) => only === undefined || engine.model === only)
  if (chosen.length === 0) {
    const names = known.map(({ engine }) => engine.model).join(', ') || 'none'
    throw new InferloomError('model_not_found', `There is no local model '${only}'. Remedy: choose from ${names}.`, {
      param: 'model',
    })
  }
  // The bindings are for those who measure; the server's process does without them.
  const { measureNow } = await import('../engine/autotune-run.ts')
  for (const each of chosen) {
    const { model, file: modelFile } = each.engine
    yield { model }
    try {
      file.keep(modelFile, model, measureNow(each.engine, each.files))
      yield { model, result: tuningOf(each, file) }
    } catch (thrown) {
      const error = asInferloomError(thrown)
      if (only !== undefined) throw error
      yield { model, error }
    }
  }
}
