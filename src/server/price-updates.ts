import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wholeBody } from '../transport/whole-body.ts'
import { UpstreamClient } from '../transport/upstream-client.ts'

const dayMs = 24 * 3600 * 1000
const timeouts = { connect: 10, firstByte: 30, idle: 30, total: 120 }

export interface PriceUpdateOptions {
  readonly home: string
  /** Where it is fetched from; absent means where its makers keep it. */
  readonly url: string | undefined
  /** The list has changed. */
  readonly onChange: () => void
  readonly onTrouble: (error: unknown) => void
}

/**
 * Keeps the list of prices up to date, once a day, with a copy in the home folder for the next start. What cannot be
 * fetched or read is left: the prices that are known stay.
 */
export class PriceUpdates {
  readonly #options: PriceUpdateOptions
  readonly #file: string
  readonly #client = new UpstreamClient('prices', timeouts)
  readonly #ended = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(options: PriceUpdateOptions) {
    this.#options = options
    this.#file = join(options.home, 'prices.json')
  }

  /** Uses the copy, and fetches a newer one where that is more than a day old. */
  async start(): Promise<void> {
    const kept = await stat(this.#file).catch(() => undefined)
    const age = kept ? Date.now() - kept.mtimeMs : dayMs
    if (kept) await this.#attempt(async () => this.#use(await readFile(this.#file, 'utf8')))
    if (age >= dayMs || age < 0) await this.#attempt(() => this.#fetch())
    if (this.#ended.signal.aborted) return
    this.#timer = setInterval(() => void this.#attempt(() => this.#fetch()), dayMs).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#ended.abort()
    await this.#client.close()
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#options.onTrouble(error)
    }
  }

  async #fetch(): Promise<void> {
    const { newestListUrl } = await import('../catalog/price-update.ts')
    const url = new URL(this.#options.url ?? newestListUrl())
    const reply = await this.#client.send({ method: 'GET', url, headers: {} }, this.#ended.signal)
    const text = (await wholeBody(reply)).toString()
    if (reply.status !== 200) throw new Error(`${url.host} answered with status ${reply.status}`)
    await this.#use(text)
    await writeFile(`${this.#file}.part`, text, { mode: 0o600 })
    await rename(`${this.#file}.part`, this.#file)
  }

  async #use(text: string): Promise<void> {
    const { replaceList } = await import('../catalog/price-update.ts')
    replaceList(text)
    this.#options.onChange()
  }
}
