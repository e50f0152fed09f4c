import { InferloomError } from '../canonical/errors.ts'
import type { RemoteProviderOptions } from './remote-provider.ts'

export interface KeysOptions {
  readonly provider: string
  readonly keys: readonly string[]
  /** The environment variables that a key can come from, for the message where there is none; empty where none is needed. */
  readonly env: readonly string[]
  /** The header that holds the key, with its value: `authorization: Bearer …`. */
  readonly header: (key: string) => Readonly<Record<string, string>>
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Signs requests with keys that take turns. Where a provider asks for none and none is given, none is sent. */
export function signWithKeys(options: KeysOptions): RemoteProviderOptions['authorize'] {
  const { provider, keys, env, header, headers = {} } = options
  let turn = 0
  return (request) => {
    const key = keys[turn++ % keys.length]
    if (key === undefined && env.length > 0) throw keyMissing(provider, env)
    return { ...request, headers: { ...request.headers, ...headers, ...(key !== undefined && header(key)) } }
  }
}

export const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` })

export function keyMissing(provider: string, env: readonly string[]): InferloomError {
  const message = `There is no key for ${provider}. Remedy: set ${env.join(' or ')}, or providers.${provider}.keys.`
  return new InferloomError('provider_key_missing', message, { fault: { provider } })
}
