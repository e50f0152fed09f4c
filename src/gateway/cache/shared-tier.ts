import type { SharedStore } from '../../storage/shared-store.ts'
import type { KeptAnswer } from './kept-answer.ts'
import type { SecondTier } from './second-tier.ts'
import { StoreLink, type StoreLinkOptions, type StoreState } from './store-link.ts'
import { late, within } from '../within.ts'
import { readAnswer, writtenAnswer } from './written-answer.ts'

interface SharedTierSettings {
  readonly ttlSeconds: number
  readonly maxAnswerMB: number
}

export interface SharedTierOptions extends StoreLinkOptions {
  readonly settings: SharedTierSettings
}

/** For whoever looks on. */
export interface SharedTierReport {
  readonly state: StoreState
  readonly trouble: string | undefined
  /** What became of lookups; `skipped` were not made: it rests, or too many are under way. */
  readonly lookups: Readonly<Record<LookupOutcome, number>>
  readonly writes: Readonly<Record<WriteOutcome, number>>
  /** Answers that wait to be written. */
  readonly waiting: number
}

type LookupOutcome = 'hit' | 'miss' | 'late' | 'failed' | 'unreadable' | 'skipped'
type WriteOutcome = 'written' | 'failed' | 'dropped'

/** Of another form of entries another name, so that processes of two versions do not read each other's. */
const keysBegin = 'inferloom:1:answer:'
/** Milliseconds that a request waits for the store: a new answer is there soon enough. */
const longestWaitMs = 50
/** Different keys that are looked up at a time; who asks for one more is answered without. */
const mostLookups = 1000
/** What waits to be written: of more, the oldest is not. */
const mostWaiting = 500
const mostWaitingBytes = 64e6
/** Before answers are written, so that several go together, and bytes of those that do. */
const gatherMs = 20
const togetherBytes = 1e6
const writeMs = 2000
const retryMs = 1000
/** The text of an answer for each byte of it in memory, at most: base64 takes a third more. */
const textPerByte = 2
/** That closing waits for what is still to be written. */
const lastWritesMs = 1000

/** Answers in a store that several processes share. Where it is slow or down, requests are answered as if there were none. */
export class SharedTier implements SecondTier {
  readonly #options: SharedTierOptions
  #settings: SharedTierSettings
  readonly #link: StoreLink
  readonly #running = new Map<string, Promise<KeptAnswer | undefined>>()
  readonly #waiting = new Map<string, KeptAnswer>()
  #waitingBytes = 0
  #cancelTimer: (() => void) | undefined
  #writing: Promise<void> | undefined
  #isClosed = false
  /** Why it does not take what is written: one that is full, or a replica, can be read all the same. */
  #refusal: string | undefined
  readonly #lookups = { hit: 0, miss: 0, late: 0, failed: 0, unreadable: 0, skipped: 0 }
  readonly #writes = { written: 0, failed: 0, dropped: 0 }

  constructor(options: SharedTierOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#link = new StoreLink(options)
    this.#link.onReady = () => this.#schedule(0)
    // The first request finds a connection.
    void this.#link.store
  }

  configure({ ttlSeconds, maxAnswerMB }: SharedTierSettings): void {
    this.#settings = { ttlSeconds, maxAnswerMB }
  }

  async get(key: string, since: number): Promise<KeptAnswer | undefined> {
    const kept = this.#waiting.get(key) ?? (await (this.#running.get(key) ?? this.#look(key)))
    return kept && kept.keptAt >= since ? kept : undefined
  }

  set(key: string, answer: KeptAnswer): void {
    this.#forget(key)
    this.#waiting.set(key, answer)
    this.#waitingBytes += answer.size
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= mostWaiting && this.#waitingBytes <= mostWaitingBytes) break
      this.#forget(oldest)
      this.#writes.dropped++
    }
    if (!this.#cancelTimer) this.#schedule(gatherMs)
  }

  report(): SharedTierReport {
    return {
      state: this.#link.state,
      trouble: this.#link.trouble ?? this.#refusal,
      lookups: { ...this.#lookups },
      writes: { ...this.#writes },
      waiting: this.#waiting.size,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    await within(this.#options.timekeeper, lastWritesMs, this.#flush())
    this.#link.close()
  }

  #look(key: string): Promise<KeptAnswer | undefined> | undefined {
    const { store } = this.#link
    if (!store || this.#running.size >= mostLookups) {
      this.#lookups.skipped++
      return undefined
    }
    const looking = this.#find(store, key).finally(() => this.#running.delete(key))
    this.#running.set(key, looking)
    return looking
  }

  async #find(store: SharedStore, key: string): Promise<KeptAnswer | undefined> {
    const { timekeeper } = this.#options
    const since = timekeeper.now()
    try {
      const text = await within(timekeeper, longestWaitMs, store.find(keysBegin + key, this.#mostTextBytes))
      if (text === late) {
        this.#lookups.late++
        this.#link.failed(new Error(`It did not answer within ${longestWaitMs} ms.`), since)
        return undefined
      }
      this.#link.succeeded()
      const answer = text === undefined ? undefined : readAnswer(text)
      this.#lookups[answer ? 'hit' : text === undefined ? 'miss' : 'unreadable']++
      return answer
    } catch (error) {
      this.#lookups.failed++
      this.#link.failed(error as Error, since)
      return undefined
    }
  }

  get #mostTextBytes(): number {
    return this.#settings.maxAnswerMB * 1e6 * textPerByte
  }

  #schedule(milliseconds: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#isClosed || this.#waiting.size === 0) return
    this.#cancelTimer = this.#options.timekeeper.after(milliseconds, () => {
      this.#cancelTimer = undefined
      void this.#flush().then(() => {
        if (!this.#cancelTimer) this.#schedule(Math.max(retryMs, this.#link.restMs))
      })
    })
  }

  /** One at a time. */
  #flush(): Promise<void> {
    return (this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined)))
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const { store } = this.#link
      if (!store || this.#waiting.size === 0) return
      const batch = this.#nextBatch()
      const since = this.#options.timekeeper.now()
      const ttlMs = Math.ceil(this.#settings.ttlSeconds * 1000)
      const puts = batch.map(({ key, text }) => store.put(keysBegin + key, text, ttlMs))
      const done = await within(this.#options.timekeeper, writeMs, Promise.allSettled(puts))
      if (done === late) {
        this.#writes.failed += batch.length
        this.#link.failed(new Error(`It did not write within ${writeMs} ms.`), since)
        return
      }
      const refused = done.filter((each) => each.status === 'rejected')
      this.#writes.failed += refused.length
      this.#writes.written += done.length - refused.length
      this.#tellRefusal(refused[0]?.reason as Error | undefined)
      if (refused.length > 0) return
    }
  }

  /** Once, until it takes answers again. */
  #tellRefusal(error: Error | undefined): void {
    if (error && this.#refusal === undefined) this.#options.onTrouble(error)
    this.#refusal = error?.message
  }

  #nextBatch(): { readonly key: string; readonly text: string }[] {
    const batch = []
    let bytes = 0
    for (const [key, answer] of this.#waiting) {
      if (bytes > 0 && bytes + answer.size > togetherBytes) break
      bytes += answer.size
      this.#forget(key)
      const text = writtenAnswer(answer)
      if (Buffer.byteLength(text) > this.#mostTextBytes) this.#writes.dropped++
      else batch.push({ key, text })
    }
    return batch
  }

  #forget(key: string): void {
    this.#waitingBytes -= this.#waiting.get(key)?.size ?? 0
    this.#waiting.delete(key)
  }
}
