import type { FastifyReply } from 'fastify'
import { InferloomError } from '../canonical/errors.ts'
import type { Roster } from '../transport/roster.ts'

/** Runs with a signal that is aborted when the client leaves, or when a shutdown ends what is in `active`. */
export async function whileConnected<Result>(
  active: Roster<AbortController>,
  { raw }: FastifyReply,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const place = active.add(controller)
  const onClose = () => {
    if (!raw.writableFinished)
      controller.abort(new InferloomError('client_closed', 'The client closed the connection.'))
  }
  raw.once('close', onClose)
  try {
    return await run(controller.signal)
  } finally {
    raw.off('close', onClose)
    active.remove(place)
  }
}
