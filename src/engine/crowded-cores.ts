/** Milliseconds of evaluations that are judged together: Linux counts the time of other threads by ticks of up to 10. */
const windowMs = 60
/** Of a window, what has to be evaluations, or nothing can be said. */
const leastBusy = 0.6
/** Of the time that its threads would have had a core each, what they had, below which others have their cores. */
const leastShare = 0.6
/** Milliseconds until all threads are tried again: at first, and at most. */
const firstPauseMs = 1000
const longestPauseMs = 30_000

export interface CrowdedCoresParts {
  /** Of one evaluation, as measured on this machine while nothing else ran. */
  readonly threads: number
  readonly setThreads: (threads: number) => void
  /** Milliseconds of processor time that the process has used, all its threads together. */
  readonly cpuMs: () => number
}

/**
 * Evaluates with one thread while others have this machine's cores.
 *
 * The threads of an evaluation wait for each other after every operation, a hundred times a token. Where another process
 * runs on their cores, however low its priority, each of these waits may last until the scheduler's next tick: measured on
 * two cores beside the training of a model at nice 19, 60 tokens took 42 s instead of 0.045, and 0.054 s with a single
 * thread, which waits for nobody. Whether that is so shows in processor time: threads that wait use none.
 */
export class CrowdedCores {
  readonly #parts: CrowdedCoresParts
  #isCrowded = false
  #retryAt = 0
  #pauseMs = firstPauseMs
  #since: number | undefined
  #cpuSince = 0
  #busyMs = 0

  constructor(parts: CrowdedCoresParts) {
    this.#parts = parts
  }

  get isCrowded(): boolean {
    return this.#isCrowded
  }

  /** Before an evaluation; `now` as of `performance.now()`. */
  begins(now: number): void {
    if (this.#parts.threads === 1) return
    if (this.#isCrowded) {
      if (now < this.#retryAt) return
      this.#isCrowded = false
      this.#parts.setThreads(this.#parts.threads)
    }
    if (this.#since !== undefined) return
    this.#since = now
    this.#cpuSince = this.#parts.cpuMs()
    this.#busyMs = 0
  }

  /** After it. */
  ends(now: number, tookMs: number): void {
    if (this.#since === undefined) return
    this.#busyMs += tookMs
    const passedMs = now - this.#since
    if (passedMs < windowMs) return
    const used = this.#parts.cpuMs() - this.#cpuSince
    this.#since = undefined
    if (this.#busyMs < leastBusy * passedMs) return
    if (used >= leastShare * this.#busyMs * this.#parts.threads) {
      this.#pauseMs = firstPauseMs
      return
    }
    this.#isCrowded = true
    this.#retryAt = now + this.#pauseMs
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
    this.#parts.setThreads(1)
  }
}
