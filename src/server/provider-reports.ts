import type { OpenedProvider } from './providers.ts'

/** What is told of a provider; never a key. */
export interface ProviderReport {
  readonly name: string
  readonly kind: string
  /** Where it is asked, where that is known here. */
  readonly host: string | null
  readonly keys: number
  readonly models: number
  /** Milliseconds since 1970; null where its list was never read. */
  readonly list_read_at: number | null
  /** Why its list could not be read the last time. */
  readonly failure: { readonly code: string; readonly message: string } | null
}

export function providerReport({ provider, kind, keys }: OpenedProvider): ProviderReport {
  const { host, readAt, failure } = provider.upstream?.() ?? {}
  return {
    name: provider.name,
    kind,
    host: host ?? null,
    keys,
    models: provider.models().length,
    list_read_at: readAt ?? null,
    failure: failure ? { code: failure.code, message: failure.message } : null,
  }
}
