import type { SharedStore } from '../../storage/shared-store.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { late, within } from '../within.ts'

export interface StoreLinkOptions {
  readonly open: (signal: AbortSignal) => Promise<SharedStore>
  readonly timekeeper: Timekeeper
  readonly random: () => number
  /** Told once, until it works again. */
  readonly onTrouble: (error: unknown) => void
}

/** In milliseconds: to connect, and then to answer for the first time. */
const connectMs = 2000
const firstAnswerMs = 250
/** Failures one after the other, before nobody asks for a while. */
const mostFailures = 3
const shortestRestMs = 500
const longestRestMs = 30_000

export type StoreState = 'connecting' | 'ready' | 'resting'

/** The connection to a store. It is made in the background, never while a request waits; after failures it rests. */
export class StoreLink {
  readonly #options: StoreLinkOptions
  #store: SharedStore | undefined
  #opening: AbortController | undefined
  /** One after the other, and the moment of the last. */
  #failures = 0
  #failedAt = 0
  #openedAt = 0
  #rests = 0
  #restUntil = 0
  #isClosed = false
  /** What went wrong last, while it does. */
  trouble: string | undefined
  /** Called when the store can be asked again. */
  onReady = (): void => {}

  constructor(options: StoreLinkOptions) {
    this.#options = options
  }

  /** Undefined as long as it is not to be asked; where it is worth a try it is connected to meanwhile. */
  get store(): SharedStore | undefined {
    if (this.#store?.isOpen && !this.#opening) return this.#store
    if (this.#store && !this.#opening) this.#lost()
    if (!this.#isClosed && !this.#opening && this.restMs === 0) void this.#open()
    return undefined
  }

  /** How long it still rests. */
  get restMs(): number {
    return Math.max(0, this.#restUntil - this.#options.timekeeper.now())
  }

  get state(): StoreState {
    if (this.#store?.isOpen && !this.#opening) return 'ready'
    return this.restMs > 0 ? 'resting' : 'connecting'
  }

  succeeded(): void {
    this.#failures = 0
    this.#rests = 0
    this.trouble = undefined
  }

  /** `since` is when it was asked: what was asked together counts once, such as all that waited while this process stood still. */
  failed(error: Error, since: number): void {
    if (since < this.#failedAt) return
    this.#failedAt = this.#options.timekeeper.now()
    this.#failures++
    if (this.#failures >= mostFailures) this.#rest(error)
  }

  close(): void {
    this.#isClosed = true
    this.#opening?.abort()
    this.#store?.close()
  }

  async #open(): Promise<void> {
    const { open, timekeeper } = this.#options
    const opening = (this.#opening = new AbortController())
    try {
      const asked = open(opening.signal)
      const store = await within(timekeeper, connectMs, asked)
      if (store === late) {
        // It may come all the same.
        void asked.then((abandoned) => abandoned.close()).catch(() => {})
        throw new Error(`It could not be reached within ${connectMs} ms.`)
      }
      this.#store = store
      if ((await within(timekeeper, firstAnswerMs, store.ping())) === late) {
        throw new Error(`It did not answer within ${firstAnswerMs} ms.`)
      }
      this.#opening = undefined
      this.#openedAt = timekeeper.now()
      if (this.#isClosed) store.close()
      else this.onReady()
    } catch (error) {
      opening.abort()
      this.#opening = undefined
      if (!this.#isClosed) this.#rest(error)
    }
  }

  /** A connection that ends is made anew at once; one that never lasts is not. */
  #lost(): void {
    this.#store = undefined
    const lasted = this.#options.timekeeper.now() - this.#openedAt
    if (!this.#isClosed && lasted < shortestRestMs) this.#rest(new Error('Its connection was lost at once.'))
  }

  #rest(error: unknown): void {
    const { random, timekeeper, onTrouble } = this.#options
    // What is asked of it now may never be answered, and would wait in memory.
    this.#store?.close()
    this.#store = undefined
    this.#failures = 0
    const longest = Math.min(longestRestMs, shortestRestMs * 2 ** this.#rests++)
    this.#restUntil = timekeeper.now() + longest * (0.5 + random() / 2)
    if (this.trouble === undefined) onTrouble(error)
    this.trouble = error instanceof Error ? error.message : String(error)
  }
}
