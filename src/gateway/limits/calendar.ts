import type { Window } from './key-limits.ts'

/** A stretch of calendar time, in milliseconds since 1970. */
export interface Period {
  readonly start: number
  /** The first moment after it. */
  readonly end: number
}

const lengths = { second: 1000, minute: 60_000, hour: 3_600_000 } as const
const dayMs = 86_400_000

/** Finds calendar periods in a time zone. Weeks begin on Monday; shorter periods than a day are those of UTC. */
export class Calendar {
  readonly #parts: Intl.DateTimeFormat

  /** @param timeZone of the IANA database, such as `Europe/Berlin` */
  constructor(timeZone: string) {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
    const options = {
      timeZone,
      hourCycle: 'h23',
      calendar: 'iso8601',
      numberingSystem: 'latn',
      second: 'numeric',
    } as const
    this.#parts = new Intl.DateTimeFormat('en', { ...numeric, ...options })
  }

  period(window: Window, at: number): Period {
    if (window === 'second' || window === 'minute' || window === 'hour') {
      const start = Math.floor(at / lengths[window]) * lengths[window]
      return { start, end: start + lengths[window] }
    }
    const local = new Date(this.#localTime(at))
    const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()]
    if (window === 'month') return this.#between(Date.UTC(year, month), Date.UTC(year, month + 1))
    const first = window === 'week' ? day - ((local.getUTCDay() + 6) % 7) : day
    return this.#between(Date.UTC(year, month, first), Date.UTC(year, month, first + (window === 'week' ? 7 : 1)))
  }

  #between(start: number, end: number): Period {
    return { start: this.#moment(start), end: this.#moment(end) }
  }

  /** What the clocks on the wall there show, as if it were UTC. */
  #localTime(at: number): number {
    const shown: Record<string, number> = {}
    for (const { type, value } of this.#parts.formatToParts(at)) shown[type] = Number(value)
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }

  /** When the clocks there show a time: where it is skipped in spring, the first moment after the gap. */
  #moment(local: number): number {
    const guess = local - (this.#localTime(local) - local)
    const [early, late] = [guess - dayMs, guess + dayMs].map((at) => local - (this.#localTime(at) - at))
    const found = [early, guess, late].filter((at) => at !== undefined && this.#localTime(at) === local) as number[]
    return found.length > 0 ? Math.min(...found) : Math.max(early ?? guess, late ?? guess)
  }
}
