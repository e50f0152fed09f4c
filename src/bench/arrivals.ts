/** When requests of an open loop are due, whether or not earlier ones were answered. */
export interface Arrivals {
  /** `fixed`: evenly spaced. `poisson`: independent of each other, as from many users. `burst`: many at one moment. */
  readonly pattern: 'fixed' | 'poisson' | 'burst'
  /** Requests a second, on average. */
  readonly rate: number
  /** Of a burst. */
  readonly size?: number
}

/** Milliseconds from the beginning, without an end. */
export function* arrivalTimes({ pattern, rate, size = 1 }: Arrivals, random: () => number): Generator<number> {
  const gap = 1000 / rate
  // From its own number, not from the one before: thousands of rounded sums would drift.
  if (pattern === 'fixed') for (let index = 0; ; index++) yield index * gap
  if (pattern === 'burst') for (let index = 0; ; index++) yield Math.floor(index / size) * size * gap
  for (let at = 0; ;) {
    at -= Math.log(1 - random()) * gap
    yield at
  }
}
