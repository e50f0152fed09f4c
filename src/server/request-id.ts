import { randomUUID } from 'node:crypto'

/**
 * A UUID of version 7 without its dashes: it begins with the time, so that the ledger's index grows at its end instead
 * of everywhere at once. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  const random = randomUUID()
  return `${time}7${random.slice(15, 18)}${random.slice(19, 23)}${random.slice(24)}`
}
