import { statfs } from 'node:fs/promises'
import { InferloomError } from '../../canonical/errors.ts'

/** Throws `disk_full` with the numbers unless a folder's disk has room for so many more bytes. */
export async function checkSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (needed <= free) return
  throw new InferloomError(
    'disk_full',
    `${megabytes(needed)} are still to come and ${folder} has ${megabytes(free)} free. ` +
      'Remedy: free some space, take a smaller quantisation, or set INFERLOOM_HOME to a larger disk.',
  )
}

/** Says what a failed write means; `undefined` for what is no error of the file system. */
export function writeError(error: unknown, file: string): InferloomError | undefined {
  const { code, syscall, message } = (error ?? {}) as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const text = `The disk became full while ${file} was written; what came so far is kept. Remedy: free some space, then pull again: it goes on from there.`
    return new InferloomError('disk_full', text, { cause: error })
  }
  if (syscall === undefined || !/^(write|open|ftruncate|fsync|rename|mkdir|link|unlink)$/.test(syscall))
    return undefined
  return new InferloomError('home_not_writable', `${file} cannot be written: ${message}.`, { cause: error })
}

function megabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
