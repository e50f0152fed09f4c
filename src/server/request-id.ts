import { randomFillSync } from 'node:crypto'

/** The millisecond of the last one: under load many come in the same. */
let millisecond = 0
let digits = ''

/** Bits of chance of one; they are drawn for many at once. */
const bytesOfOne = 10
const pool = Buffer.alloc(bytesOfOne * 256)
let hex = ''
let used = pool.length * 2

/**
 * A UUID of version 7 without its dashes: it begins with the time, so that the ledger's index grows at its end instead
 * of everywhere at once. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function newRequestId(): string {
  const now = Date.now()
  if (now !== millisecond) {
    millisecond = now
    digits = now.toString(16).padStart(12, '0')
  }
  if (used === pool.length * 2) {
    hex = randomFillSync(pool).toString('hex')
    used = 0
  }
  const at = used
  used += bytesOfOne * 2
  return `${digits}7${hex.slice(at, at + 3)}${variants[hex.charCodeAt(at + 3) & 3]}${hex.slice(at + 4, at + 19)}`
}

/** Two bits of the seventeenth digit are fixed. */
const variants = ['8', '9', 'a', 'b']
