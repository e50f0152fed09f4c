import { createHmac, randomBytes, type KeyObject } from 'node:crypto'

/** With which keys begin, the one in the file admin-key included. */
export const keysBegin = 'il-'
const shownLength = keysBegin.length + 6

/** A new key: 256 random bits, so that only who was shown it can know it. */
export function newToken(): string {
  return keysBegin + randomBytes(32).toString('base64url')
}

/**
 * Keyed with a secret of this home: whoever copies the database alone can neither use keys nor try guesses on them.
 * A key object takes 2 µs, and the same secret as bytes 12: OpenSSL would prepare it for every key anew.
 */
export function tokenHash(secret: KeyObject, token: string): string {
  return createHmac('sha256', secret).update(token).digest('hex')
}

/** By which people tell keys apart: `il-Zk3xQ9`. */
export function shownPrefix(token: string): string {
  return token.slice(0, shownLength)
}
