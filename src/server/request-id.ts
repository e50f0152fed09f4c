import { randomUUID } from 'node:crypto'

/** The millisecond of the last one: under load many come in the same. */
let millisecond = 0
let digits = ''

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
  const random = randomUUID()
  return `${digits}7${random.slice(15, 18)}${random.slice(19, 23)}${random.slice(24)}`
}
