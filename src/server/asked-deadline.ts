import type { IncomingHttpHeaders } from 'node:http'
import { InferloomError } from '../canonical/errors.ts'

/** A day: the longest that anyone can wait for. */
const longestDeadlineMs = 86_400_000

/** Milliseconds within which an answer is wanted, whatever the dialect; undefined where none is said. */
export function askedDeadline(headers: IncomingHttpHeaders): number | undefined {
  const header = headers['x-inferloom-deadline']
  if (header === undefined) return undefined
  const deadlineMs = Number(header)
  if (deadlineMs >= 1 && deadlineMs <= longestDeadlineMs) return deadlineMs
  const message = `x-inferloom-deadline = ${String(header).slice(0, 40)} is not valid: it is a number of milliseconds from 1 to ${longestDeadlineMs}.`
  throw new InferloomError('invalid_value', message, { param: 'x-inferloom-deadline' })
}
