import { InferloomError } from '../../canonical/errors.ts'
import { enter, leave, type Gate, type Waiter } from './gate.ts'

/** Of all keys together; more than that are refused, whatever their keys may. */
const mostWaiting = 10_000

export interface TurnsOptions {
  /** Most requests of one key that wait. */
  readonly queue: number
  readonly maxWaitSeconds: number
}

export interface TurnAsked {
  readonly keyId: string
  /** At least one. */
  readonly gates: readonly Gate[]
  /** For people: what is full. */
  readonly what: (gate: Gate) => string
  /** `performance.now()` after which the answer is of no use. */
  readonly deadlineAt: number | undefined
  readonly signal: AbortSignal
}

/** Lets requests through gates, at once or after a wait that has an end. */
export class Turns {
  readonly #options: TurnsOptions
  #waiting = 0
  #next = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Returns what leaves the gates again; a promise of it where the request has to wait. */
  take(asked: TurnAsked): (() => void) | Promise<() => void> {
    const { gates, keyId } = asked
    const done = () => leave(gates)
    if (enter(gates)) return done
    const full = gates.find(({ isFull }) => isFull)
    const { queue, maxWaitSeconds } = this.#options
    if (!full || maxWaitSeconds === 0 || full.waiting(keyId) >= queue || this.#waiting >= mostWaiting) {
      const waiting = maxWaitSeconds === 0 || queue === 0 ? '' : ', and as many wait as may'
      throw tooMany(`${full ? asked.what(full) : ''}${waiting}`)
    }
    return this.#wait(asked, full).then(() => done)
  }

  #wait({ gates, keyId, what: of, deadlineAt = Infinity, signal }: TurnAsked, full: Gate): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { maxWaitSeconds } = this.#options
    const waitMs = Math.min(maxWaitSeconds * 1000, deadlineAt - performance.now())
    const what = of(full)
    const inTime = waitMs === maxWaitSeconds * 1000
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      this.#waiting--
    }
    const give = (error: unknown) => {
      for (const gate of gates) gate.remove(waiter)
      end()
      reject(error)
    }
    const waiter: Waiter = {
      keyId,
      number: this.#next++,
      gates,
      start() {
        end()
        resolve()
      },
    }
    const onAbort = () => give(signal.reason)
    const timer = setTimeout(
      () => give(inTime ? tooMany(`${what}, and none ended in ${maxWaitSeconds} seconds`) : tooLate(what)),
      waitMs,
    )
    this.#waiting++
    full.add(waiter)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }
}

function tooMany(what: string): InferloomError {
  const message = `${what}. Remedy: send fewer at once, or raise the limit concurrency.`
  return new InferloomError('rate_limited', message, { retryAfterSeconds: 1 })
}

function tooLate(what: string): InferloomError {
  const message = `${what}, and none ended before the time that x-inferloom-deadline sets. Remedy: allow more time, or send fewer at once.`
  return new InferloomError('deadline_exceeded', message)
}
