import { asInferloomError, InferloomError } from '../canonical/errors.ts'

interface Waiting<Answer> {
  readonly answer: Answer
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: InferloomError) => void
}

interface Flight {
  readonly send: () => void
  /** Called when it is left before its answer is complete. */
  readonly cancel?: () => void
  readonly signal: AbortSignal
}

/** What the engine's process was asked and has not answered, by id. */
export class InFlight<Answer extends object> {
  readonly #waiting = new Map<number, Waiting<Answer>>()
  readonly #model: string
  readonly #most: number
  readonly #what: string

  /** At most `most` at a time; one more is refused. `what` says in the plural what they are. */
  constructor(model: string, most: number, what: string) {
    this.#model = model
    this.#most = most
    this.#what = what
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Sends what `id` stands for, and waits until the answer, which may come in parts, is complete. */
  async run(id: number, answer: Answer, { send, cancel, signal }: Flight): Promise<Answer> {
    signal.throwIfAborted()
    if (this.#waiting.size >= this.#most) {
      throw new InferloomError(
        'engine_overloaded',
        `Model ${this.#model} has ${this.#most} ${this.#what}. ` +
          'Remedy: retry after the time given, or raise engine.queue in the configuration.',
        { retryAfterSeconds: 1 },
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#waiting.set(id, { answer, resolve, reject })
    const onAbort = () => reject(asInferloomError(signal.reason))
    signal.addEventListener('abort', onAbort)
    try {
      send()
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (this.#waiting.delete(id)) cancel?.()
    }
  }

  /** What has been answered so far; undefined where nobody waits for it any more. */
  answer(id: number): Answer | undefined {
    return this.#waiting.get(id)?.answer
  }

  complete(id: number): void {
    const waiting = this.#take(id)
    waiting?.resolve(waiting.answer)
  }

  fail(id: number, error: InferloomError): void {
    this.#take(id)?.reject(error)
  }

  failAll(error: InferloomError): void {
    for (const id of this.#waiting.keys()) this.fail(id, error)
  }

  #take(id: number): Waiting<Answer> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }
}
