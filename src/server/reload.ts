import { unwatchFile, watchFile, type StatsListener } from 'node:fs'
import { asInferloomError, type InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'

export interface ReloadParts {
  readonly loaded: LoadedConfig
  /** Reads the settings anew, from wherever they came. */
  readonly read: () => Promise<LoadedConfig>
  /** Throws, and changes nothing, where they cannot be. */
  readonly apply: (loaded: LoadedConfig) => Promise<void>
  readonly onReload: (report: ReloadReport) => void
  readonly onTrouble: (error: InferloomError) => void
}

export interface ReloadReport {
  /** Names of settings that have changed and count from now on. */
  readonly applied: readonly string[]
  /** Those that count when inferloom is started again. */
  readonly afterRestart: readonly string[]
}

/** What can change while requests run. */
const changeable: readonly (keyof Config)[] = ['routes', 'routing', 'reliability', 'pacing', 'cache']
/** Between two looks at the file, in milliseconds. */
const lookMs = 1000

/** Follows the configuration file: what is in it counts from the next request on; where it is wrong, all stays as it was. */
export class Reload {
  readonly #parts: ReloadParts
  readonly #started: Config
  #current: Config
  #running: Promise<ReloadReport> | undefined
  /** Why the file that is there now is not what counts. */
  failure: InferloomError | undefined
  readonly #look: StatsListener = (now, before) => {
    // Editors take a file away before they put the new one in its place.
    if (now.mtimeMs === 0 || (now.mtimeMs === before.mtimeMs && now.ino === before.ino)) return
    this.reload().catch(() => {})
  }

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#started = parts.loaded.config
    this.#current = parts.loaded.config
    const { file } = parts.loaded
    if (file !== undefined) watchFile(file, { interval: lookMs, persistent: false }, this.#look)
  }

  /** Rejects with what is wrong with the settings. One at a time: who comes meanwhile is told of the next. */
  async reload(): Promise<ReloadReport> {
    await this.#running?.catch(() => {})
    this.#running = this.#reload()
    return await this.#running
  }

  close(): void {
    const { file } = this.#parts.loaded
    if (file !== undefined) unwatchFile(file, this.#look)
  }

  async #reload(): Promise<ReloadReport> {
    const { read, apply, onReload, onTrouble } = this.#parts
    try {
      const loaded = await read()
      const { config } = loaded
      const applied = changeable.filter((name) => differs(moving(this.#current, name), moving(config, name)))
      await apply(loaded)
      this.#current = config
      this.failure = undefined
      const names = Object.keys(config) as (keyof Config)[]
      const afterRestart = names.filter((name) => differs(fixed(this.#started, name), fixed(config, name)))
      const limits = differs(limitsOf(this.#started), limitsOf(config)) ? ['providers limits'] : []
      const report = { applied: [...applied, ...limits], afterRestart }
      onReload(report)
      return report
    } catch (error) {
      this.failure = asInferloomError(error)
      onTrouble(this.failure)
      throw error
    }
  }
}

function differs(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(after)
}

/** What counts when inferloom is started again: of providers, all but their limits. */
function fixed(config: Config, name: keyof Config): unknown {
  if (name === 'providers') {
    const all = Object.entries(config.providers)
    return all.map(([id, settings]) => [id, settings && { ...settings, limits: undefined }])
  }
  if (name === 'cache') return parted(config).places
  return changeable.includes(name) ? undefined : config[name]
}

function moving(config: Config, name: keyof Config): unknown {
  return name === 'cache' ? parted(config).rest : config[name]
}

/** Where answers are kept, and how. */
function parted({ cache }: Config) {
  const { enabled, diskMB, redis, ...rest } = cache
  return { places: { enabled, diskMB, redis }, rest }
}

function limitsOf({ providers }: Config): unknown {
  return Object.entries(providers).map(([id, settings]) => [id, settings && settings.limits])
}
