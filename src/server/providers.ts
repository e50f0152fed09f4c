import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Provider } from '../providers/provider.ts'
import type { ProviderKind, ProviderSettings } from '../providers/registry.ts'
import { providerVariables } from '../providers/variables.ts'

type Configured = Exclude<Config['providers'][string], false>
type Environment = LoadedConfig['env']

export interface OpenedProvider {
  readonly provider: Provider
  readonly kind: string
  /** How many it has. */
  readonly keys: number
}

export interface OpenedProviders {
  readonly opened: readonly OpenedProvider[]
  /** Why some that the environment has keys for are not there. */
  readonly complaints: readonly InferloomError[]
}

/** The services to ask: those of the configuration, and those whose key is in the environment. */
export async function openProviders({ config, env }: LoadedConfig): Promise<OpenedProviders> {
  const named = Object.values(config.providers).some((settings) => settings !== false)
  // Their code takes 15 MB of memory: none of it is loaded where nobody is to be asked.
  if (!named && !providerVariables.some((name) => env[name])) return { opened: [], complaints: [] }
  const { providerKinds } = await import('../providers/registry.ts')
  const complaints: InferloomError[] = []
  const configured = Object.entries(config.providers).flatMap(([name, settings]) =>
    settings === false ? [] : [open(kindOf(providerKinds, name, settings), name, settings, env)],
  )
  const found = providerKinds
    .filter((kind) => !Object.hasOwn(config.providers, kind.name) && isInEnvironment(kind, env))
    .flatMap((kind) => {
      try {
        return [open(kind, kind.name, {}, env)]
      } catch (error) {
        // Nobody asked for it here: a variable that is there for another program ends no start.
        if (!(error instanceof InferloomError)) throw error
        complaints.push(error)
        return []
      }
    })
  return { opened: [...configured, ...found], complaints }
}

function kindOf(kinds: readonly ProviderKind[], name: string, { kind: given = name }: Configured): ProviderKind {
  const kind = kinds.find((each) => each.name === given)
  if (kind) return kind
  const known = kinds.map((each) => each.name).join(', ')
  throw new InferloomError(
    'config_invalid',
    `providers.${name}.kind: there is no kind of provider '${given}'. Remedy: set it to one of ${known}.`,
  )
}

function isInEnvironment({ env: names, baseUrlEnv, onlyWhenNamed }: ProviderKind, env: Environment): boolean {
  if (onlyWhenNamed) return false
  const wanted = names.length > 0 ? names : baseUrlEnv === undefined ? [] : [baseUrlEnv]
  return wanted.some((name) => env[name])
}

function open(kind: ProviderKind, name: string, configured: Configured, env: Environment): OpenedProvider {
  const {
    kind: _,
    key,
    keys: several,
    baseUrl: given,
    headers,
    models,
    timeouts,
    limits: _limits,
    ...extra
  } = configured
  const fromEnv = kind.env.map((variable) => env[variable]).find(Boolean)
  const keys = [...(key === undefined ? [] : [key]), ...(several ?? [])]
  const baseUrl = given ?? (kind.baseUrlEnv === undefined ? undefined : env[kind.baseUrlEnv] || undefined)
  const settings: ProviderSettings = {
    name,
    keys: keys.length > 0 || fromEnv === undefined ? keys : [fromEnv],
    extra,
    ...(baseUrl !== undefined && { baseUrl: baseUrl.replace(/\/+$/, '') }),
    ...(headers && { headers }),
    ...(timeouts && { timeouts: withoutUndefined(timeouts) }),
    ...(models && { models: models.map((id) => ({ id, ownedBy: name, created: 0 })) }),
  }
  return { provider: kind.make(settings), kind: kind.name, keys: settings.keys.length }
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
