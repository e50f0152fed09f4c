import { Agent } from 'undici'
import { Exchange, type UpstreamReply, type UpstreamTimeouts } from './exchange.ts'

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Connections to one provider; further requests wait for one of them, as long as their timeouts allow. */
const mostConnections = 512
/** Milliseconds that an unused connection is kept, where the provider does not say. */
const keepAlive = 30_000

/** Asks one provider over connections of its own. Redirects are never followed: they are answers like any other. */
export class UpstreamClient {
  readonly #provider: string
  readonly #timeouts: UpstreamTimeouts
  readonly #agent: Agent

  constructor(provider: string, timeouts: UpstreamTimeouts) {
    this.#provider = provider
    this.#timeouts = timeouts
    this.#agent = new Agent({
      connections: mostConnections,
      keepAliveTimeout: keepAlive,
      connect: { timeout: timeouts.connect * 1000 },
      // One request per connection, so that ending one never disturbs another.
      pipelining: 1,
      allowH2: false,
    })
  }

  /** Resolves when the answer begins, whatever its status. Aborting rejects with the signal's reason. */
  async send({ method, url, headers, body }: UpstreamRequest, signal: AbortSignal): Promise<UpstreamReply> {
    signal.throwIfAborted()
    const exchange = new Exchange({ provider: this.#provider, host: url.host, timeouts: this.#timeouts, signal })
    const path = url.pathname + url.search
    // The exchange has its own timeouts: undici's count from the last byte, not from when one was asked for.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0 }
    this.#agent.dispatch({ origin: url.origin, path, method, headers, body: body ?? null, ...timeouts }, exchange)
    return exchange.reply
  }

  /** Ends every request that is running. */
  close(): Promise<void> {
    return this.#agent.destroy()
  }
}
