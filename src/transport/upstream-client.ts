import type { Pool } from 'undici'
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
  readonly pool: Pool
  readonly path: string
}

type Undici = typeof import('undici')

/** Connections to one provider; further requests wait for one of them, as long as their timeouts allow. */
const mostConnections = 512
/** Milliseconds that an unused connection is kept, where the provider does not say. */
const keepAlive = 30_000

/** Asks one provider over connections of its own. Redirects are never followed: they are answers like any other. */
export class UpstreamClient {
  readonly #provider: string
  readonly #timeouts: UpstreamTimeouts
  #loading: Promise<Undici> | undefined
  #undici: Undici | undefined
  readonly #deadlines: Deadlines
  /** By origin: nearly always there is one. */
  readonly #pools = new Map<string, Pool>()
  /** Addresses that are asked again and again need not be taken apart each time. */
  readonly #targets = new WeakMap<URL, Target>()

  constructor(provider: string, timeouts: UpstreamTimeouts) {
    this.#provider = provider
    this.#timeouts = timeouts
    this.#deadlines = new Deadlines(Math.min(...Object.values(timeouts)) * 1000)
  }

  /** Resolves when the answer begins, whatever its status. Aborting rejects with the signal's reason. */
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamReply> {
    // Not `async`: a promise more costs each request several turns.
    return this.#undici && !signal.aborted
      ? this.#exchange(this.#undici, request, signal)
      : this.#sendFirst(request, signal)
  }

  async #sendFirst(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamReply> {
    signal.throwIfAborted()
    // Loaded by the first request: a server that asks nobody has better use for 25 MB of memory.
    this.#undici = await (this.#loading ??= import('undici'))
    signal.throwIfAborted()
    return await this.#exchange(this.#undici, request, signal)
  }

  #exchange(undici: Undici, { method, url, headers, body }: UpstreamRequest, signal: AbortSignal) {
    const [provider, timeouts, deadlines] = [this.#provider, this.#timeouts, this.#deadlines]
    const { pool, path } = this.#targets.get(url) ?? this.#targetOf(undici, url)
    const exchange = new Exchange({ provider, url, timeouts, signal, deadlines })
    // The exchange has its own timeouts: undici's count from the last byte, not from when one was asked for.
    const none = { headersTimeout: 0, bodyTimeout: 0 }
    pool.dispatch({ path, method, headers, body: body ?? null, ...none }, exchange)
    return exchange.reply
  }

  #targetOf(undici: Undici, url: URL): Target {
    const { origin } = url
    const pool = this.#pools.get(origin) ?? newPool(undici, origin, this.#timeouts)
    this.#pools.set(origin, pool)
    const target = { pool, path: url.pathname + url.search }
    this.#targets.set(url, target)
    return target
  }

  /** Ends every request that is running. */
  async close(): Promise<void> {
    await this.#loading
    await Promise.all(Array.from(this.#pools.values(), (pool) => pool.destroy()))
  }
}

function newPool({ Pool }: Undici, origin: string, timeouts: UpstreamTimeouts): Pool {
  return new Pool(origin, {
    connections: mostConnections,
    keepAliveTimeout: keepAlive,
    connect: { timeout: timeouts.connect * 1000 },
    // One request per connection, so that ending one never disturbs another.
    pipelining: 1,
    allowH2: false,
  })
}
