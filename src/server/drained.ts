import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { InferloomError } from '../canonical/errors.ts'

/** Waits until the client has read what was written; one that reads nothing for too long is cut off. */
export async function drained(out: ServerResponse, idleTimeoutMs: number): Promise<void> {
  const timer = setTimeout(() => out.destroy(), idleTimeoutMs)
  const settled = new AbortController()
  const { signal } = settled
  try {
    await Promise.race([once(out, 'drain', { signal }), once(out, 'close', { signal })])
  } finally {
    clearTimeout(timer)
    settled.abort()
  }
  if (out.destroyed) throw new InferloomError('client_closed', 'The client stopped reading.')
}
