// Processes that the benchmark starts end with it, however it ends.
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

export interface Child {
  readonly pid: number
  /** When it was started, on `performance.now()`'s clock. */
  readonly since: number
  /** Resolves with what the first matching line of stdout matched; rejects when the process ends before. */
  firstMatch(pattern: RegExp): Promise<RegExpMatchArray>
  /** Rejects when the process has ended. */
  assertAlive(): void
  stop(): Promise<void>
}

export function startChild(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const since = performance.now()
  const child = spawn(command, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
  track(child)
  let output = ''
  let lastWords = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-2000)))
  const assertAlive = () => {
    if (running.has(child)) return
    throw new Error(`${command} ${args.join(' ')} ended. Its last words: ${lastWords.trim() || output.trim()}`)
  }
  return {
    pid: child.pid ?? 0,
    since,
    assertAlive,
    async firstMatch(pattern) {
      for (;;) {
        const match = pattern.exec(output)
        if (match) return match
        assertAlive()
        await delay(2)
      }
    },
    stop: () => stopChild(child),
  }
}

/** Ends a process with the benchmark. */
export function track(child: ChildProcess): void {
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', () => running.delete(child))
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(timer)
}
