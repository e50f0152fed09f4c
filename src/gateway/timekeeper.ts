/** Time for whoever waits: the machine's own, or that of a simulation, in which an hour passes in a second. */
export interface Timekeeper {
  /** Milliseconds, as of `performance.now()`; never goes back. */
  now(): number
  /** Calls once so many milliseconds later, unless what it returns is called before. Keeps no process running. */
  after(milliseconds: number, call: () => void): () => void
}

export const machineTime: Timekeeper = {
  now: () => performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds).unref()
    return () => clearTimeout(timer)
  },
}
