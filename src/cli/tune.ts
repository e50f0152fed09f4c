import type { LoadedConfig } from '../config/load.ts'
import { catalogOf } from '../server/engines.ts'
import { tuneFileOf, tuneModels, type ModelTuning, type TunedSetting } from '../server/tuning.ts'

export interface TuneOptions {
  readonly json: boolean
  /** One model; otherwise all that are here. */
  readonly only?: string
}

/** Measures what is fastest on this machine, keeps it, and shows what was tried. */
export async function tune(loaded: LoadedConfig, { json, only }: TuneOptions): Promise<void> {
  const file = tuneFileOf(loaded)
  const measured: ModelTuning[] = []
  for await (const { model, result, error } of tuneModels(catalogOf(loaded)(), file, only)) {
    if (error) process.stderr.write(`${model} was not measured: ${error.message}\n`)
    else if (!result) process.stderr.write(`measuring ${model}, a minute at most …\n`)
    else {
      measured.push(result)
      if (!json) process.stdout.write(tableOf(result))
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`)
}

const names = { threads: 'threads', batchTokens: 'batch', flashAttention: 'fused attention' } as const

function tableOf(tuning: ModelTuning): string {
  const rows = tuning.trials.map(({ part, value, milliseconds }) => {
    const took = milliseconds === undefined ? 'given up' : `${milliseconds.toFixed(1)} ms`
    const used = tuning.settings[part].value === value ? '  used' : ''
    return `  ${names[part].padEnd(16)} ${shown(value).padEnd(5)} ${took.padStart(12)}${used}\n`
  })
  const nothing = '  there was nothing to choose from, or no time to compare it\n'
  return `${settingsText(tuning)}\n${rows.length > 0 ? rows.join('') : nothing}`
}

/** `loom-mini: threads 2 (measured 2026-11-25), batch 512 (default), fused attention no (default)` */
export function settingsText({ model, settings }: ModelTuning): string {
  const { threads, batchTokens, flashAttention } = settings
  const texts = Object.entries({ threads, batchTokens, flashAttention }).map(
    ([part, setting]) => `${names[part as keyof typeof names]} ${shown(setting.value)} (${whyOf(setting)})`,
  )
  return `${model}: ${texts.join(', ')}`
}

function whyOf({ why, date }: TunedSetting): string {
  if (why === 'measured') return `measured ${date}`
  return why === 'set' ? 'as set' : 'default'
}

function shown(value: number | boolean | string): string {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
}
