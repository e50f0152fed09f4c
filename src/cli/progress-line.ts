import { bytes } from './format.ts'

/** The part of a terminal or a log file that this writes to. */
interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** A terminal's line is rewritten this often; a log gets a line of its own much less often. */
const terminalMs = 200
const logMs = 5000
/** Speed is what came in the last seconds, so that it follows a line that becomes slower. */
const windowMs = 10_000

/** Shows how far a download is: bytes, share, speed and time left. */
export class ProgressLine {
  readonly #output: Output
  #shownAt = -Infinity
  #isOpen = false
  #samples: { at: number; received: number }[] = []

  constructor(output: Output) {
    this.#output = output
  }

  /** Writes a line of its own. */
  say(text: string): void {
    this.end()
    this.#output.write(`${text}\n`)
  }

  show(received: number, total: number | undefined): void {
    const now = performance.now()
    const isLast = received === total
    if (!isLast && now - this.#shownAt < (this.#output.isTTY ? terminalMs : logMs)) return
    this.#shownAt = now
    const text = progressText(received, total, this.#speed(now, received))
    if (!this.#output.isTTY) return void this.#output.write(`${text}\n`)
    this.#isOpen = true
    // Erased to its end: the next text may be shorter.
    this.#output.write(`\r${text.slice(0, (this.#output.columns ?? 80) - 1)}\u{1B}[K`)
  }

  end(): void {
    if (this.#isOpen) this.#output.write('\n')
    this.#isOpen = false
  }

  #speed(now: number, received: number): number | undefined {
    // A download that started anew has nothing to do with the samples before it.
    if (received < (this.#samples.at(-1)?.received ?? 0)) this.#samples = []
    this.#samples.push({ at: now, received })
    this.#samples = this.#samples.filter(({ at }) => now - at <= windowMs)
    const [first] = this.#samples
    return first && now > first.at ? ((received - first.received) * 1000) / (now - first.at) : undefined
  }
}

/** `1.2 GB of 2.4 GB, 50 %, 40.0 MB/s, 30 s left` */
export function progressText(received: number, total: number | undefined, speed: number | undefined): string {
  const parts = [total === undefined ? bytes(received) : `${bytes(received)} of ${bytes(total)}`]
  if (total !== undefined && total > 0) parts.push(`${Math.floor((received / total) * 100)} %`)
  if (speed !== undefined && speed > 0) {
    parts.push(`${bytes(speed)}/s`)
    if (total !== undefined && total > received) parts.push(`${left((total - received) / speed)} left`)
  }
  return parts.join(', ')
}

function left(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}
