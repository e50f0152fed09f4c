import type { StreamEvent } from '../canonical/events.ts'

/** Events between the engine and one reader, who takes all that have come since it last asked. */
export class EventQueue implements AsyncIterable<readonly StreamEvent[]> {
  #events: StreamEvent[] = []
  #failure: Error | undefined
  #ended = false
  #wake: (() => void) | undefined

  push(...events: StreamEvent[]): void {
    this.#events.push(...events)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly StreamEvent[]> {
    for (;;) {
      if (this.#events.length > 0) {
        const batch = this.#events
        this.#events = []
        yield batch
      } else if (this.#failure) {
        throw this.#failure
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
  }
}
