import { spawnSync } from 'node:child_process'

/** Keeps all threads of a process, and whatever it starts, on some cores such as `0` or `0-3`. False where the system has no command for it. */
export function hold(pid: number, cores: string): boolean {
  return spawnSync('taskset', ['-apc', cores, String(pid)], { stdio: 'ignore' }).status === 0
}
