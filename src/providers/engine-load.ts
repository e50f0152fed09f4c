import { beginningOf } from '../transport/whole-body.ts'
import { Addresses } from './addresses.ts'
import { ask, type Upstream } from './ask.ts'
import type { ModelLoad } from './provider.ts'
import { openaiRefusal } from './wire/openai-refusal.ts'

/** What a server calls the figures of its load on its page for Prometheus. */
export interface LoadNames {
  readonly running: string
  readonly waiting: string
  /** Several where it was renamed. */
  readonly cacheUse?: readonly string[]
}

/** Milliseconds after which figures are read again when somebody asks, and after which they say nothing any more. */
const readEach = 1000
const oldest = 5000
/** After a failure it is asked again later, and later still after the next. */
const mostBackoff = 600_000
const timeoutMs = 2000
/** Bytes of a page that are read. */
const mostBytes = 1_000_000

/**
 * How busy a server is, read while its models are being chosen among: nobody waits for it, and where nobody chooses,
 * nothing is asked.
 */
export class EngineLoad {
  readonly #upstream: Upstream
  readonly #names: LoadNames
  readonly #closing = new AbortController()
  #load: ModelLoad | undefined
  #readAt = -Infinity
  #nextAt = -Infinity
  #backoff = readEach
  #reading: Promise<void> | undefined

  /** The page lies beside the API, at its server's root. */
  constructor(upstream: Omit<Upstream, 'addresses'>, baseUrl: string, names: LoadNames) {
    this.#upstream = { ...upstream, addresses: new Addresses(baseUrl.replace(/\/v1$/, '')) }
    this.#names = names
  }

  /** Undefined where it is not known, or was read too long ago. */
  get(): ModelLoad | undefined {
    const now = performance.now()
    if (now >= this.#nextAt && !this.#reading) this.#reading = this.#read().finally(() => (this.#reading = undefined))
    return now - this.#readAt <= oldest ? this.#load : undefined
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reading
  }

  async #read(): Promise<void> {
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])
      const question = { method: 'GET', path: '/metrics', accept: 'text/plain', refusal: openaiRefusal } as const
      const reply = await ask(this.#upstream, question, signal)
      this.#load = loadIn(await beginningOf(reply, mostBytes), this.#names)
      this.#readAt = performance.now()
      this.#backoff = this.#load ? readEach : this.#later()
    } catch {
      // It serves without: most of these servers have no such page unless they are told to.
      this.#backoff = this.#later()
    }
    this.#nextAt = performance.now() + this.#backoff
  }

  #later(): number {
    return Math.min(mostBackoff, this.#backoff * 4)
  }
}

/** Undefined where the page does not say who runs and who waits. */
export function loadIn(page: string, { running, waiting, cacheUse = [] }: LoadNames): ModelLoad | undefined {
  const wanted = new Set([running, waiting, ...cacheUse].map(plain))
  const found = new Map<string, readonly number[]>()
  for (const line of page.split('\n')) {
    // https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
    const [, name = '', value = ''] = /^([\w:]+)(?:\{.*\})?\s+(\S+)/.exec(line) ?? []
    const key = plain(name)
    const number = Number(value)
    if (wanted.has(key) && number >= 0 && number < Infinity) found.set(key, [...(found.get(key) ?? []), number])
  }
  // Each rank of a server that runs on several devices has figures of its own.
  const sum = (name: string) => found.get(plain(name))?.reduce((total, each) => total + each, 0)
  const [runs, waits] = [sum(running), sum(waiting)]
  if (runs === undefined || waits === undefined) return undefined
  const used = cacheUse.flatMap((name) => found.get(plain(name)) ?? [])
  return { running: runs, waiting: waits, ...(used.length > 0 && { cacheUse: Math.min(1, Math.max(...used)) }) }
}

/** Some versions write an underscore where others have a colon. */
function plain(name: string): string {
  return name.replaceAll(':', '_')
}
