import type { ConfigSources } from './config/load.ts'
import type { Provider } from './providers/provider.ts'
import type { RunningServer } from './server/start.ts'

export interface LibraryOptions {
  /** As `inferloom.yaml` would hold it (config.schema.json). Absent settings have their defaults; no file is read. */
  readonly config?: NonNullable<ConfigSources['config']>
  /** Where keys, the ledger and pulled models are kept; absent means `INFERLOOM_HOME`, or `~/.inferloom`. */
  readonly home?: string
  /** Where providers find the keys that `config` does not name; absent means `process.env`. */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Starts the gateway in this process: local models and providers, served over HTTP.
 *
 * @example
 * const gateway = await createGateway({ config: { server: { port: 0 } } })
 * await gateway.ready()
 * const reply = await fetch(`${gateway.url}/v1/models`)
 * await gateway.close()
 */
export async function createGateway(options: LibraryOptions = {}): Promise<RunningServer> {
  const { startServer } = await import('./server/start.ts')
  return await startServer(await loadedFrom(options))
}

/**
 * The local models without HTTP, each in a process of its own from the first request on.
 *
 * @example
 * const engine = await createEngine()
 * for await (const events of engine.generate(request, AbortSignal.timeout(30_000))) console.log(events)
 * await engine.close()
 */
export async function createEngine(options: LibraryOptions = {}): Promise<Provider> {
  const { openPool } = await import('./server/engines.ts')
  return openPool(await loadedFrom(options))
}

async function loadedFrom({ config = {}, home, env = process.env }: LibraryOptions) {
  const { loadConfig } = await import('./config/load.ts')
  return await loadConfig({ config, env: home === undefined ? env : { ...env, INFERLOOM_HOME: home } })
}
