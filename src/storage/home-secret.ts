import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const bytes = 32

/** A secret of this home, made when it is first needed, readable by its owner alone, and of no use anywhere else. */
export function homeSecret(home: string, name: string): Buffer {
  const file = join(home, name)
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
