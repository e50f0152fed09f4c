import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { InferloomError } from '../../canonical/errors.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process started, in the kernel's words: a number of a process is used again, this is not. */
  readonly started: string
}

export interface Lock {
  release(): void
}

const heartbeatMs = 10_000
/** A holder on another machine that shares the folder is taken for dead after this silence. */
const silenceMs = 60_000

/**
 * Takes a lock file with the number of this process in it. A lock whose process is gone is taken over.
 * Throws `pull_in_progress` while another process holds it.
 */
export function takeLock(file: string, what: string): Lock {
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) }
  const text = JSON.stringify(own)
  // Written aside and linked: a lock file that exists always has its holder in it.
  const aside = `${file}.${process.pid}`
  writeFileSync(aside, text)
  try {
    for (let attempt = 0; ; attempt++) {
      if (linked(aside, file)) break
      const holder = holderOf(file)
      if (attempt === 5 || (holder && isAlive(holder.text, file))) throw inProgress(what, holder?.text)
      if (holder) removeStale(file, holder.text)
    }
  } finally {
    rmSync(aside, { force: true })
  }
  const timer = setInterval(() => touch(file), heartbeatMs).unref()
  return {
    release: () => {
      clearInterval(timer)
      if (holderOf(file)?.text === text) rmSync(file, { force: true })
    },
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // Disks that know no second name for a file: there a lock is for a moment without its holder.
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) return written(to, readFileSync(from))
    throw error
  }
}

function written(file: string, text: Buffer): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function holderOf(file: string): { text: string } | undefined {
  try {
    return { text: readFileSync(file, 'utf8') }
  } catch {
    return undefined
  }
}

function isAlive(text: string, file: string): boolean {
  const { pid, host, started } = parsed(text)
  if (pid === undefined) return false
  if (host !== hostname()) return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < silenceMs
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startOf(pid) === started
}

function parsed(text: string): Partial<Holder> {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Holder>
    return Number.isSafeInteger(pid) && (pid ?? 0) > 0
      ? { pid: pid ?? 0, host: host ?? '', started: started ?? '' }
      : {}
  } catch {
    return {}
  }
}

/** Two processes may find the same stale lock; the one that moves away what the other has just taken puts it back. */
function removeStale(file: string, text: string): void {
  const moved = `${file}.stale.${process.pid}`
  try {
    renameSync(file, moved)
  } catch {
    return
  }
  if (holderOf(moved)?.text !== text) linked(moved, file)
  rmSync(moved, { force: true })
}

/** Field 22 of proc_pid_stat(5); empty on other systems. */
function startOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    )
  } catch {
    return ''
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // Someone deleted it; the pull goes on and its checksum decides.
  }
}

function inProgress(what: string, text: string | undefined): InferloomError {
  const { pid, host } = parsed(text ?? '')
  const who = pid === undefined ? 'another process' : `process ${pid}${host === hostname() ? '' : ` on ${host}`}`
  return new InferloomError(
    'pull_in_progress',
    `${what} is being pulled by ${who}. Remedy: wait for it, or end it and pull again: it goes on where that one stopped.`,
  )
}
