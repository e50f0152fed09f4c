import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const bytes = 32

/** What this home's hashes are keyed with; made when it is first needed, and of no use anywhere else. */
export function ledgerSecret(home: string): Uint8Array {
  const file = join(home, 'ledger.secret')
  if (existsSync(file)) {
    const secret = readFileSync(file)
    // A disk that was full may have kept an empty one.
    if (secret.length === bytes) return secret
  }
  const secret = randomBytes(bytes)
  writeFileSync(`${file}.new`, secret, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return secret
}
