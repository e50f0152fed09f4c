import { writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { FromWorker } from './protocol.ts'

/** Where an engine's process writes what it has to tell; Node's own channel is the way back. */
export const messagePipe = 4

let room = Buffer.allocUnsafeSlow(16_384)

/**
 * Writes one message to a pipe and returns when it is there: a step's tokens are on their way before the next step
 * begins. Node's own channel needs a turn of the event loop for that, which takes longer than all else beside the step.
 */
export function writeMessage(message: FromWorker): void {
  const text = JSON.stringify(message) + '\n'
  // A character is three bytes at most for each of a string's units.
  if (text.length * 3 > room.length) room = Buffer.allocUnsafeSlow(text.length * 3)
  const length = room.write(text)
  try {
    for (let at = 0; at < length;) at += writeSync(messagePipe, room, at, length - at)
  } catch (error) {
    // The reader is gone; the end of the channel says so, and what to do about it.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

/** Calls `onMessage` with each message that comes, in order. */
export function readMessages(from: Readable, onMessage: (message: FromWorker) => void): void {
  let pending: Buffer[] = []
  from.on('data', (chunk: Buffer) => {
    let begin = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, begin)) {
      // A character may be cut by the border between two chunks, hence bytes are joined and not texts.
      const whole = pending.length === 0 ? chunk : Buffer.concat([...pending, chunk.subarray(0, end)])
      const line = pending.length === 0 ? whole.toString('utf8', begin, end) : whole.toString()
      pending = []
      begin = end + 1
      onMessage(JSON.parse(line) as FromWorker)
    }
    if (begin < chunk.length) pending.push(chunk.subarray(begin))
  })
}
