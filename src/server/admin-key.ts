import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keysBegin } from '../gateway/keys/key-token.ts'
import { secretFile } from '../storage/home-secret.ts'

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
  const { content, isNew } = secretFile({
    home,
    name: fileName,
    isSound: (text) => shape.test(text.toString().trim()),
    make: () => Buffer.from(`${keysBegin}admin-${randomBytes(32).toString('base64url')}\n`),
  })
  return { key: content.toString().trim(), file: join(home, fileName), isNew }
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
