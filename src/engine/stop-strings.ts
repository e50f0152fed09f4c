/**
 * Lets text through except what may be the beginning of a stop string, and ends it where one is complete.
 *
 * @example
 * const gate = new StopStrings(['\n\nUser:'])
 * gate.push('Yes.\n')   // 'Yes.', the line break may begin a stop string
 * gate.push('\nUser: ') // '', and gate.stopped is true
 */
export class StopStrings {
  readonly #stops: readonly string[]
  #held = ''
  stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  push(text: string): string {
    if (this.#stops.length === 0) return text
    this.#held += text
    let cut = -1
    for (const stop of this.#stops) {
      const at = this.#held.indexOf(stop)
      if (at !== -1 && (cut === -1 || at < cut)) cut = at
    }
    this.stopped = cut !== -1
    const keep = this.stopped ? cut : this.#held.length - this.#longestBeginning()
    const through = this.#held.slice(0, keep)
    this.#held = this.stopped ? '' : this.#held.slice(keep)
    return through
  }

  /** What was held back, once nothing can complete it any more. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }

  #longestBeginning(): number {
    let longest = 0
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, this.#held.length); length > longest; length--) {
        if (this.#held.endsWith(stop.slice(0, length))) longest = length
      }
    }
    return longest
  }
}
