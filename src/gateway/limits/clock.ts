/** Neither of its times ever goes back. */
export interface Clock {
  /** Milliseconds that passed since some moment before the process began. */
  elapsed(): number
  /** Milliseconds since 1970. A machine's clock that is set back stands still here until it has caught up. */
  time(): number
}

/** The machine's own. */
export function machineClock(): Clock {
  let latest = 0
  return {
    elapsed: () => performance.now(),
    time: () => (latest = Math.max(latest, Date.now())),
  }
}

/** Stands still until somebody looks again: what is decided in one step is decided of one moment. */
export class StillClock implements Clock {
  readonly #clock: Clock
  #elapsed = 0
  #time = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.look()
  }

  look(): void {
    this.#elapsed = this.#clock.elapsed()
    this.#time = this.#clock.time()
  }

  elapsed(): number {
    return this.#elapsed
  }

  time(): number {
    return this.#time
  }
}
