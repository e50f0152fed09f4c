import type { Agent } from 'undici'
import { Deadlines } from './deadlines.ts'
import { Exchange, type UpstreamReply, type UpstreamTimeouts } from './exchange.ts'

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  /** Never changed once it was asked. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

interface Target {
  readonly origin: string
  readonly path: string
}

/** Connections to one provider; further requests wait for one of them, as long as their timeouts allow. */
const mostConnections = 512
/** Milliseconds that an unused connection is kept, where the provider does not say. */
const keepAlive = 30_000

/** Asks one provider over connections of its own. Redirects are never followed: they are answers like any other. */
export class UpstreamClient {
  readonly #provider: string
  readonly #timeouts: UpstreamTimeouts
  #loading: Promise<Agent> | undefined
  #agent: Agent | undefined
  readonly #deadlines: Deadlines
  /** Addresses that are asked again and again need not be taken apart each time. */
  readonly #targets = new WeakMap<URL, Target>()

  constructor(provider: string, timeouts: UpstreamTimeouts) {
    this.#provider = provider
    this.#timeouts = timeouts
    this.#deadlines = new Deadlines(Math.min(...Object.values(timeouts)) * 1000)
  }

  /** Resolves when the answer begins, whatever its status. Aborting rejects with the signal's reason. */
  async send({ method, url, headers, body }: UpstreamRequest, signal: AbortSignal): Promise<UpstreamReply> {
    signal.throwIfAborted()
    const [provider, timeouts, deadlines] = [this.#provider, this.#timeouts, this.#deadlines]
    const agent = this.#agent ?? (this.#agent = await (this.#loading ??= newAgent(timeouts)))
    signal.throwIfAborted()
    const exchange = new Exchange({ provider, url, timeouts, signal, deadlines })
    const { origin, path } = this.#targetOf(url)
    // The exchange has its own timeouts: undici's count from the last byte, not from when one was asked for.
    const none = { headersTimeout: 0, bodyTimeout: 0 }
    agent.dispatch({ origin, path, method, headers, body: body ?? null, ...none }, exchange)
    return exchange.reply
  }

  #targetOf(url: URL): Target {
    const known = this.#targets.get(url)
    if (known) return known
    const target = { origin: url.origin, path: url.pathname + url.search }
    this.#targets.set(url, target)
    return target
  }

  /** Ends every request that is running. */
  async close(): Promise<void> {
    const agent = await this.#loading
    await agent?.destroy()
  }
}

/** Loaded by the first request: a server that asks nobody has better use for 25 MB of memory. */
async function newAgent(timeouts: UpstreamTimeouts): Promise<Agent> {
  const undici = await import('undici')
  return new undici.Agent({
    connections: mostConnections,
    keepAliveTimeout: keepAlive,
    connect: { timeout: timeouts.connect * 1000 },
    // One request per connection, so that ending one never disturbs another.
    pipelining: 1,
    allowH2: false,
  })
}
