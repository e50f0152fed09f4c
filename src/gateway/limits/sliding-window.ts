/** Into so many slots a window is divided: what was taken is given back at most a sixtieth of the window late. */
const slots = 60

/**
 * Counts what was taken in any window of a length, as a ring of sums. It looks back over one slot more than the window
 * has, so that in no window, wherever it begins, more is taken than was allowed. Times are of a clock that never goes
 * back, in milliseconds; amounts are whole numbers.
 */
export class SlidingWindow {
  readonly #slotMs: number
  readonly #ring = new Float64Array(slots + 1)
  /** The slot of the latest time that was seen, counted from the clock's zero. */
  #newest = 0
  #taken = 0

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots
  }

  taken(now: number): number {
    this.#advance(now)
    return this.#taken
  }

  /** Returns the slot in which it is counted. */
  take(amount: number, now: number): number {
    this.#advance(now)
    this.#add(amount, this.#newest)
    return this.#newest
  }

  /** Gives back a part of what was taken in a slot, unless that has left the window, and with it all that was taken. */
  giveBack(amount: number, slot: number, now: number): void {
    this.#advance(now)
    if (slot <= this.#newest - this.#ring.length) return
    this.#add(-amount, slot)
  }

  /** Milliseconds until no more than so much is taken, if nothing else is. */
  untilAtMost(amount: number, now: number): number {
    this.#advance(now)
    let left = this.#taken
    for (let slot = this.#newest - slots; left > amount && slot <= this.#newest; slot++) {
      if (slot < 0) continue
      left -= this.#ring[slot % this.#ring.length] ?? 0
      if (left <= amount) return (slot + this.#ring.length) * this.#slotMs - now
    }
    return left > amount ? Infinity : 0
  }

  #add(amount: number, slot: number): void {
    const place = slot % this.#ring.length
    this.#ring[place] = (this.#ring[place] ?? 0) + amount
    this.#taken += amount
  }

  #advance(now: number): void {
    const newest = Math.floor(now / this.#slotMs)
    if (newest <= this.#newest) return
    const gone = Math.min(newest - this.#newest, this.#ring.length)
    for (let index = 1; index <= gone; index++) {
      const place = (this.#newest + index) % this.#ring.length
      this.#taken -= this.#ring[place] ?? 0
      this.#ring[place] = 0
    }
    this.#newest = newest
  }
}
