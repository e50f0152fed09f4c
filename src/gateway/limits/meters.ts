import type { Calendar, Period } from './calendar.ts'
import type { Clock } from './clock.ts'
import type { Window } from './key-limits.ts'
import { SlidingWindow } from './sliding-window.ts'

/** What is counted. */
export type Unit = 'requests' | 'tokens' | 'usd'

/** Something that was set aside before it was known what would be taken. */
export interface Reserved {
  /** Once: what was taken in fact. */
  settle(actual: number): void
}

/** Counts one unit in one window. */
export interface Meter {
  /** What is taken or set aside. */
  taken(): number
  reserve(amount: number): Reserved
  /** Milliseconds until no more than so much is taken, if nothing else is. */
  untilAtMost(amount: number): number
}

const lengths: Partial<Record<Window, number>> = { second: 1000, minute: 60_000, hour: 3_600_000 }

/** How long a window is that slides; undefined where it is counted by the calendar, as money always is. */
export function slidingLength(unit: Unit, window: Window): number | undefined {
  return unit === 'usd' ? undefined : lengths[window]
}

/** Of windows that slide along with time. */
export class RateMeter implements Meter {
  readonly #clock: Clock
  readonly #window: SlidingWindow

  constructor(windowMs: number, clock: Clock) {
    this.#window = new SlidingWindow(windowMs)
    this.#clock = clock
  }

  taken(): number {
    return this.#window.taken(this.#clock.elapsed())
  }

  untilAtMost(amount: number): number {
    return this.#window.untilAtMost(amount, this.#clock.elapsed())
  }

  reserve(amount: number): Reserved {
    const slot = this.#window.take(amount, this.#clock.elapsed())
    return {
      settle: (actual) => {
        const now = this.#clock.elapsed()
        // More than was set aside is taken now: the slot of the beginning may have left the window.
        if (actual > amount) this.#window.take(actual - amount, now)
        else if (actual < amount) this.#window.giveBack(amount - actual, slot, now)
      },
    }
  }
}

/** Of periods of the calendar. What was taken before this process began is read from the ledger. */
export class PeriodMeter implements Meter {
  readonly unit: Unit
  readonly window: Window
  readonly #clock: Clock
  readonly #calendar: Calendar
  #period: Period
  #known = false
  #spent = 0
  #reserved = 0
  #open = 0

  constructor(unit: Unit, window: Window, { clock, calendar }: { readonly clock: Clock; readonly calendar: Calendar }) {
    this.unit = unit
    this.window = window
    this.#clock = clock
    this.#calendar = calendar
    this.#period = calendar.period(window, clock.time())
  }

  get period(): Period {
    this.#roll()
    return this.#period
  }

  /** What was taken by requests that are over. */
  get spent(): number {
    this.#roll()
    return this.#spent
  }

  taken(): number {
    this.#roll()
    return this.#spent + this.#reserved
  }

  untilAtMost(amount: number): number {
    if (this.taken() <= amount) return 0
    return amount < 0 ? Infinity : this.#period.end - this.#clock.time()
  }

  reserve(amount: number): Reserved {
    this.#roll()
    const { start } = this.#period
    this.#reserved += amount
    this.#open++
    return {
      settle: () => {
        this.#roll()
        if (this.#period.start !== start) return
        this.#open--
        // Sums of fractions keep a rest that was never there.
        this.#reserved = this.#open === 0 ? 0 : this.#reserved - amount
      },
    }
  }

  /** Counts what a request took that began at a time, as the ledger does: it belongs to the period of its beginning. */
  spend(amount: number, at: number): void {
    this.#roll()
    if (at >= this.#period.start) this.#spent += amount
  }

  /** Whether what was taken before it was made is counted. */
  get isKnown(): boolean {
    this.#roll()
    return this.#known
  }

  /** What was taken until now is going to be read from the ledger. */
  forget(): void {
    this.#spent = 0
  }

  /** Adds what was read from the ledger of a period that began then. */
  know(spent: number, start: number): void {
    this.#roll()
    if (this.#period.start === start) this.#spent += spent
    this.#known = true
  }

  #roll(): void {
    if (this.#clock.time() < this.#period.end) return
    this.#period = this.#calendar.period(this.window, this.#clock.time())
    this.#spent = 0
    this.#reserved = 0
    this.#open = 0
    // Nothing was taken before its beginning, unless it is still being read what was.
    this.#known = true
  }
}
