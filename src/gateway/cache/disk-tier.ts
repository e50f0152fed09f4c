import type { AnswerRows } from '../../storage/answer-rows.ts'
import { machineTime } from '../timekeeper.ts'
import { late, within } from '../within.ts'
import type { KeptAnswer } from './kept-answer.ts'
import type { SecondTier } from './second-tier.ts'
import { readAnswer, writtenAnswer } from './written-answer.ts'

export interface DiskTierOptions {
  readonly rows: AnswerRows
  readonly mostBytes: number
  readonly ttlSeconds: number
  readonly onTrouble: (error: unknown) => void
}

/** Milliseconds that a request waits for the disk: a new answer is there soon enough. */
const longestWaitMs = 50
/** What waits to be written; more is not kept. */
const mostWaiting = 500
const flushMs = 250
const sweepMs = 60_000
/** After trouble nobody asks for so long. */
const restMs = 5000

/** Answers in the database of the home. Where that is slow or broken, it is as if there were none. */
export class DiskTier implements SecondTier {
  readonly #options: DiskTierOptions
  readonly #waiting = new Map<string, KeptAnswer>()
  #timer: NodeJS.Timeout | undefined
  readonly #sweeper: NodeJS.Timeout
  #restUntil = 0
  #isBroken = false

  constructor(options: DiskTierOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => void this.#sweep(), sweepMs).unref()
  }

  async get(key: string, since: number): Promise<KeptAnswer | undefined> {
    const waiting = this.#waiting.get(key)
    if (waiting) return waiting.keptAt >= since ? waiting : undefined
    if (performance.now() < this.#restUntil) return undefined
    try {
      const row = await within(machineTime, longestWaitMs, this.#options.rows.find(key, since))
      return row === undefined || row === late ? undefined : readAnswer(row.answer)
    } catch (error) {
      this.#rest(error)
      return undefined
    }
  }

  set(key: string, answer: KeptAnswer): void {
    if (this.#waiting.size >= mostWaiting) return
    this.#waiting.set(key, answer)
    this.#timer ??= setTimeout(() => void this.#flush(), flushMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await this.#flush()
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const rows = [...this.#waiting].map(([key, answer]) => {
      const text = writtenAnswer(answer)
      return { key, kept_at: answer.keptAt, bytes: text.length, answer: text }
    })
    try {
      await this.#options.rows.put(rows)
      this.#isBroken = false
    } catch (error) {
      this.#rest(error)
    }
    for (const { key } of rows) this.#waiting.delete(key)
  }

  async #sweep(): Promise<void> {
    const { rows, mostBytes, ttlSeconds } = this.#options
    try {
      while (await rows.sweep(Date.now() - ttlSeconds * 1000, mostBytes));
    } catch (error) {
      this.#rest(error)
    }
  }

  /** It is said once, until it works again. */
  #rest(error: unknown): void {
    this.#restUntil = performance.now() + restMs
    if (!this.#isBroken) this.#options.onTrouble(error)
    this.#isBroken = true
  }
}
