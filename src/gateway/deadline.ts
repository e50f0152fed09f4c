import { InferloomError } from '../canonical/errors.ts'
import type { Provider } from '../providers/provider.ts'
import type { RequestContext } from './pipeline.ts'
import { machineTime, type Timekeeper } from './timekeeper.ts'

export interface Limit {
  /** Aborted when the client leaves, the server ends, or the deadline passes. */
  readonly signal: AbortSignal
  /** The request is over. */
  end(): void
}

/** Holds a request to its deadline, where it has one and its provider does not plan by it. */
export function limitOf(
  { signal, receivedAt, deadlineMs }: RequestContext,
  { name, plansDeadlines }: Provider,
  timekeeper: Timekeeper = machineTime,
): Limit {
  if (deadlineMs === undefined || plansDeadlines === true) return { signal, end: () => {} }
  const controller = new AbortController()
  const message = `The answer of ${name} was not complete within ${deadlineMs} milliseconds, as x-inferloom-deadline asks. Remedy: allow more time, or ask for a shorter answer.`
  const cancel = timekeeper.after(receivedAt + deadlineMs - timekeeper.now(), () =>
    controller.abort(new InferloomError('deadline_exceeded', message, { fault: { provider: name } })),
  )
  const onAbort = () => controller.abort(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    end() {
      cancel()
      signal.removeEventListener('abort', onAbort)
    },
  }
}
