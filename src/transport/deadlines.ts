import { Roster, type Place } from './roster.ts'

/** Something that has to happen by a time, which may be moved. */
export interface Dated {
  /** On the clock of `performance.now()`. */
  readonly dueAt: number
  /** Called once it is too late. */
  overdue(): void
}

/** Looked at so often in the shortest time that anyone is given, and 4 times a second at least. */
const looksPerTimeout = 20
const longestTick = 250

/**
 * Watches the times by which things have to happen, all with one timer: setting and clearing timers for each of them
 * costs a request as much as asking for it. What is late is found a twentieth of its time later at most.
 */
export class Deadlines {
  readonly #tick: number
  readonly #dated = new Roster<Dated>()
  #timer: NodeJS.Timeout | undefined

  /** `shortest` is the shortest time that anyone is given, in milliseconds. */
  constructor(shortest: number) {
    this.#tick = Math.max(1, Math.min(longestTick, shortest / looksPerTimeout))
  }

  /** Returns what it takes to remove it. */
  add(dated: Dated): Place<Dated> {
    this.#timer ??= setInterval(() => this.#look(), this.#tick)
    return this.#dated.add(dated)
  }

  remove(place: Place<Dated>): void {
    this.#dated.remove(place)
  }

  #look(): void {
    if (this.#dated.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const now = performance.now()
    this.#dated.forEach((dated) => {
      if (dated.dueAt <= now) dated.overdue()
    })
  }
}
