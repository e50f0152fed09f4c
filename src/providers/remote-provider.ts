import type { ModelInfo, Provider } from './provider.ts'
import type { EmbedWire, GenerateWire, RerankWire } from './wire/wire.ts'

/** What one request of an upstream looks like before it is signed. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body?: string
}

/** Everything that tells one remote provider from another: a new provider is a file that makes one of these. */
export interface RemoteProviderOptions {
  readonly name: string
  /** Without a slash at its end. Never taken from a request. */
  readonly baseUrl: string
  /** Adds what says who asks, to this provider alone. Called once for each attempt, so that several keys can take turns. */
  readonly authorize: (request: UnsignedRequest) => UnsignedRequest | Promise<UnsignedRequest>
  /** The wires that a model can be asked on, the one to translate to first. */
  readonly generate: (model: string) => readonly GenerateWire[]
  readonly embed?: EmbedWire
  readonly rerank?: RerankWire
  /** How the list of models is read; absent where the provider has none, and `models` names some. */
  readonly list?: { readonly path: string; readonly read: (body: unknown) => readonly ModelInfo[] }
  /** Served beside those of the list. */
  readonly models?: readonly ModelInfo[]
  readonly timeouts: UpstreamTimeouts
}

/** In seconds. */
export interface UpstreamTimeouts {
  readonly connect: number
  readonly firstByte: number
  /** Between two pieces of a stream. */
  readonly idle: number
  readonly total: number
}

/** Makes a provider of a service that is asked over HTTP. */
export function remoteProvider(options: RemoteProviderOptions): Provider {
  throw new Error(`not built: ${options.name}`)
}
