import type { ModelInfo, Provider } from './provider.ts'
import type { UpstreamTimeouts } from './remote-provider.ts'

/** What the configuration says of one provider. */
export interface ProviderSettings {
  /** By which it is known here: two accounts at one provider have two names. */
  readonly name: string
  /** They take turns. */
  readonly keys: readonly string[]
  /** Absent means the provider's own. */
  readonly baseUrl?: string
  /** Sent with every request; never taken from a client. */
  readonly headers?: Readonly<Record<string, string>>
  readonly timeouts?: Partial<UpstreamTimeouts>
  /** Served beside those that the provider lists. */
  readonly models?: readonly ModelInfo[]
  /** What only this kind of provider has, such as a region. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** One kind of provider that can be configured. */
export interface ProviderKind {
  readonly name: string
  /** The environment variables that a key can come from, the first that is set; empty where it needs none. */
  readonly env: readonly string[]
  /** The environment variable that `baseUrl` can come from. */
  readonly baseUrlEnv?: string
  /** The variables are set for other programs too: it is there only where the configuration names it. */
  readonly onlyWhenNamed?: boolean
  make(settings: ProviderSettings): Provider
}
