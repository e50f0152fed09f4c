import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface SecretFile {
  readonly home: string
  readonly name: string
  /** A disk that was full may have kept an empty file, or a part of one. */
  readonly isSound: (content: Buffer) => boolean
  readonly make: () => Buffer
}

/** The content of a file that its owner alone can read; made when it is first asked for, and once, whoever asks too. */
export function secretFile({ home, name, isSound, make }: SecretFile): { content: Buffer; isNew: boolean } {
  const file = join(home, name)
  const known = readSound(file, isSound)
  if (known) return { content: known, isNew: false }
  const content = make()
  const written = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
  writeFileSync(written, content, { mode: 0o600, flag: 'wx' })
  try {
    // Unlike a rename, a link takes the place of nothing: of two processes, both use the secret of the faster one.
    linkSync(written, file)
  } catch {
    const faster = readSound(file, isSound)
    if (faster) return { content: faster, isNew: false }
    renameSync(written, file)
  } finally {
    rmSync(written, { force: true })
  }
  return { content, isNew: true }
}

const bytes = 32

/** A secret of this home, of no use anywhere else. */
export function homeSecret(home: string, name: string): Buffer {
  const make = () => randomBytes(bytes)
  return secretFile({ home, name, isSound: ({ length }) => length === bytes, make }).content
}

function readSound(file: string, isSound: (content: Buffer) => boolean): Buffer | undefined {
  if (!existsSync(file)) return undefined
  const content = readFileSync(file)
  return isSound(content) ? content : undefined
}
