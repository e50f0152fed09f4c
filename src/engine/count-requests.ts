import { asInferloomError, InferloomError } from '../canonical/errors.ts'

interface Outstanding {
  readonly resolve: (tokens: number) => void
  readonly reject: (error: InferloomError) => void
}

/** Prompts whose tokens the engine's process is counting. */
export class CountRequests {
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #model: string
  readonly #most: number

  /** At most `most` prompts at a time; one more is refused. */
  constructor(model: string, most: number) {
    this.#model = model
    this.#most = most
  }

  get size(): number {
    return this.#outstanding.size
  }

  /** Sends a prompt with `send`, and waits for the number. */
  async run(id: number, send: () => void, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted()
    if (this.#outstanding.size >= this.#most) {
      throw new InferloomError(
        'engine_overloaded',
        `Model ${this.#model} has ${this.#most} prompts to count. ` +
          'Remedy: retry after the time given, or raise engine.queue in the configuration.',
        { retryAfterSeconds: 1 },
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#outstanding.set(id, { resolve, reject })
    const onAbort = () => reject(asInferloomError(signal.reason))
    signal.addEventListener('abort', onAbort)
    send()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#outstanding.delete(id)
    }
  }

  onCounted(id: number, tokens: number): void {
    this.#outstanding.get(id)?.resolve(tokens)
  }

  fail(id: number, error: InferloomError): void {
    this.#outstanding.get(id)?.reject(error)
  }

  failAll(error: InferloomError): void {
    for (const { reject } of this.#outstanding.values()) reject(error)
  }
}
