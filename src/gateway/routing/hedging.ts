import type { Planned } from './plan.ts'

export interface HedgingSettings {
  /** Second tries for each request, at most. */
  readonly share: number
}

/** Second tries that may be saved up by requests that needed none. */
const mostSaved = 10

/** When a slow first try is helped by a second one, and how often at most. */
export class Hedging {
  #settings: HedgingSettings
  #saved = 0
  #sent = 0
  #won = 0

  constructor(settings: HedgingSettings) {
    this.#settings = settings
  }

  configure(settings: HedgingSettings): void {
    this.#settings = settings
  }

  /** Milliseconds after which a first try is slower than nineteen of twenty; undefined where that is not known yet. */
  delayMs({ prediction }: Planned): number | undefined {
    this.#saved = Math.min(mostSaved, this.#saved + this.#settings.share)
    return prediction?.ttftP95Ms
  }

  /** Whether one more may be sent. */
  take(): boolean {
    if (this.#saved < 1) return false
    this.#saved--
    this.#sent++
    return true
  }

  /** The second one answered first. */
  won(): void {
    this.#won++
  }

  /** Of how many second tries were sent, how many answered first. */
  report(): { readonly sent: number; readonly won: number } {
    return { sent: this.#sent, won: this.#won }
  }
}
