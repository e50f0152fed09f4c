import { errorCatalogue, InferloomError, type ErrorCode } from '../canonical/errors.ts'
import { readAdminKey } from '../server/admin-key.ts'
import type { LoadedConfig } from '../config/load.ts'

/** The `error` of an answer, or of an event in a stream. */
export interface ServerError {
  readonly code?: string | null
  readonly message?: string
}

/** A server's error as one of our own; what answers there need not be inferloom. */
export function errorOf({ code, message }: ServerError, otherwise: string): InferloomError {
  const known = Object.hasOwn(errorCatalogue, code ?? '') ? (code as ErrorCode) : 'server_unreachable'
  return new InferloomError(known, message ?? otherwise)
}

/** The key of whoever owns the home, which opens everything, or else one of the configuration. */
export function ownKey({ config, home, env }: LoadedConfig): string | undefined {
  return env['INFERLOOM_ADMIN_KEY'] || readAdminKey(home) || config.server.keys[0]
}

/** Asks a running server something; throws its own error, or `server_unreachable`. */
export class ServerClient {
  readonly url: string
  readonly #key: string | undefined

  constructor(url: string, key: string | undefined) {
    this.url = url
    this.#key = key
  }

  static of(loaded: LoadedConfig): ServerClient {
    const { host, port } = loaded.config.server
    const reached = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return new ServerClient(`http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`, ownKey(loaded))
  }

  async request(path: string, init: { body?: unknown; signal?: AbortSignal } = {}): Promise<Response> {
    const { body, signal } = init
    let response: Response
    try {
      response = await fetch(this.url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          'content-type': 'application/json',
          ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      })
    } catch (cause) {
      if (signal?.aborted) throw cause
      throw new InferloomError(
        'server_unreachable',
        `No inferloom answers at ${this.url}. Remedy: start one with inferloom serve.`,
        { cause },
      )
    }
    if (response.ok) return response
    const { error } = (await response.json().catch(() => ({}))) as { error?: ServerError }
    throw errorOf(error ?? {}, `${this.url} answered ${response.status}.`)
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.request(path)).json()) as T
  }

  /** Whether a server listens there, ready or not. */
  async isListening(): Promise<boolean> {
    return await this.request('/health', { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      (error: unknown) => !(error instanceof InferloomError && error.code === 'server_unreachable'),
    )
  }

  /** Whether a server that is ready listens there. */
  async isRunning(): Promise<boolean> {
    return await this.request('/ready', { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    )
  }
}
