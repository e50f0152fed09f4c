import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const fileName = 'admin-key'
const shape = /^il-admin-[\w-]{43}$/

export interface AdminKey {
  readonly key: string
  readonly file: string
  /** Whether there was none before. */
  readonly isNew: boolean
}

/** The key of whoever owns this home; made at the first start, in a file that only its owner can read. */
export function adminKey(home: string): AdminKey {
  const file = join(home, fileName)
  const known = readAdminKey(home)
  if (known !== undefined) return { key: known, file, isNew: false }
  const key = `il-admin-${randomBytes(32).toString('base64url')}`
  writeFileSync(`${file}.new`, `${key}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return { key, file, isNew: true }
}

/** Undefined where there is none, or whoever asks must not read it. */
export function readAdminKey(home: string): string | undefined {
  const file = join(home, fileName)
  try {
    const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
    return shape.test(text) ? text : undefined
  } catch {
    return undefined
  }
}
