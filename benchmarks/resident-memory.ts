import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** Resident memory of a process in millions of bytes, where this system tells it. */
export function residentMegabytes(pid: number): number | undefined {
  const status = `/proc/${pid}/status`
  const kibibytes = existsSync(status)
    ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1])
    : Number(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).stdout)
  return kibibytes > 0 ? (kibibytes * 1024) / 1_000_000 : undefined
}
