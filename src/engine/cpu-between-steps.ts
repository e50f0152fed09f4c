/** Reading CPU time takes longer than much of what is measured by it, so one gap between steps in so many is. */
const sampleEvery = 16

/**
 * CPU time of this thread between one evaluation and the next: scheduling, sampling, detokenising, and messages. What a
 * request costs once, when it comes or goes, is no part of it.
 */
export class CpuBetweenSteps {
  readonly #readingMs = readingMs()
  #steps = 0
  #since: number | undefined
  #sumMs = 0
  #gaps = 0

  stepBegins(): void {
    if (this.#since === undefined) return
    this.#sumMs += Math.max(0, threadCpuMs() - this.#since - this.#readingMs)
    this.#gaps++
    this.#since = undefined
  }

  stepEnds(): void {
    if (this.#steps++ % sampleEvery === 0) this.#since = threadCpuMs()
  }

  /** A request came or went: this gap is not like others. */
  leaveOut(): void {
    this.#since = undefined
  }

  /** Milliseconds. */
  get perStep(): number {
    return this.#gaps === 0 ? 0 : this.#sumMs / this.#gaps
  }
}

// Linux brings a thread's CPU time up to date at ticks and context switches only; asking for that of the process first
// brings it up to date now. Without that, much of an evaluation is booked on what comes after it.
function threadCpuMs(): number {
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** What a reading adds to the time that it reads. */
function readingMs(): number {
  const readings = Array.from({ length: 20 }, threadCpuMs)
  return Math.min(...readings.slice(1).map((reading, index) => reading - (readings[index] ?? 0)))
}
