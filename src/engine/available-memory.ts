import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { totalmem } from 'node:os'

/**
 * Bytes that a new process could use without anything being swapped out or killed.
 *
 * On Linux that is MemAvailable, which counts the page cache that os.freemem() leaves out, and no more than the
 * control groups of this process leave. There too the page cache is counted as free: it holds every model that was
 * just downloaded, and process.availableMemory() takes all of it for used.
 */
export function availableMemory(): number {
  if (process.platform !== 'linux') return process.availableMemory()
  const machine = availableIn(read('/proc/meminfo')) ?? process.availableMemory()
  const groups = groupFolders(read('/proc/self/cgroup')).map((folder) => leftIn(folder))
  const known = groups.filter((left) => left !== undefined)
  const constrained = process.constrainedMemory()
  // Version 1 of control groups, and hosts that hide the folders of version 2.
  const elsewhere = known.length === 0 && constrained > 0 && constrained < totalmem()
  return Math.max(0, Math.min(machine, ...known, ...(elsewhere ? [process.availableMemory()] : [])))
}

/** `MemAvailable:   24331840 kB`, see proc_meminfo(5). */
export function availableIn(meminfo: string): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

const mount = '/sys/fs/cgroup'
const deepest = 32

/** The control group (version 2) of this process and those around it: each may have a limit of its own. */
export function groupFolders(membership: string): string[] {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1]
  if (path === undefined) return []
  const names = path.split('/').filter((name) => name !== '' && name !== '..')
  return names
    .slice(0, deepest)
    .map((_, index) => join(mount, ...names.slice(0, index + 1)))
    .concat(mount)
}

function leftIn(folder: string): number | undefined {
  const limit = Number(read(join(folder, 'memory.max')) || 'none') // "max" where there is none
  const used = Number(read(join(folder, 'memory.current')) || 'none')
  if (Number.isNaN(limit) || Number.isNaN(used)) return undefined
  return limit - used + reclaimableIn(read(join(folder, 'memory.stat')))
}

/** Pages of files that can be dropped at any time: inactive_file and active_file of memory.stat. */
export function reclaimableIn(stat: string): number {
  return [...stat.matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
