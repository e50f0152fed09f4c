// The command line as a user runs it: a process of its own, with a home and a folder of its own.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const mainFile = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** One whose file never changes. */
export const firstProof = fileURLToPath(new URL('../fixtures/models/first-proof.gguf', import.meta.url))
export const builtinModel = fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url))

export interface CommandOptions {
  /** The current folder; also the home, in `home/`, unless `env` names another. */
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The words of `inferloom …`, the program first. */
export function commandOf(args: readonly string[]): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', mainFile, ...args]
}

/** Nothing of the user's own settings, and a free port. */
export function environmentOf(folder: string, env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const own = { INFERLOOM_HOME: `${folder}/home`, INFERLOOM_PORT: '0', INFERLOOM_THREADS: '1' }
  return { PATH: process.env['PATH'] ?? '', ...own, ...env }
}

/** Starts `inferloom …`; killed when the test ends, should it still run. */
export function start(
  args: readonly string[],
  { folder, env, input = '' }: CommandOptions,
): ChildProcessWithoutNullStreams {
  const [program = '', ...rest] = commandOf(args)
  const child = spawn(program, rest, { cwd: folder, env: environmentOf(folder, env) })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.on('error', () => {}) // the command may end without reading it
  child.stdin.end(input)
  return child
}

/** Runs `inferloom …` to its end. */
export async function run(args: readonly string[], options: CommandOptions): Promise<Ended> {
  const child = start(args, options)
  const [code, stdout, stderr] = await Promise.all([
    new Promise<number | null>((resolve) => child.once('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, stdout, stderr }
}

/** Everything `child` writes to stdout, as far as it has come. */
export function output(child: ChildProcessWithoutNullStreams): () => string {
  let all = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (all += piece))
  return () => all
}

/** Processes that work in `folder`, where its children started. Empty where there is no /proc. */
export function processesIn(folder: string): string[] {
  if (!existsSync('/proc/self/cwd')) return []
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && currentFolder(pid) === folder)
}

function currentFolder(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined // it has just ended
  }
}
