import { fork, type ChildProcess } from 'node:child_process'
import { stopChild, track } from '../children.ts'

/** A benchmark's own process that answers each message with another, one after another. */
export interface AskedProcess {
  ask(message: unknown): Promise<unknown>
  stop(): Promise<void>
}

/** Starts a file as a process of its own; it says when it is ready. */
export async function startAskedProcess(file: URL, options: unknown): Promise<AskedProcess> {
  const child = fork(file, [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  track(child)
  await nextMessage(child, file)
  return {
    ask(message) {
      child.send(message as object)
      return nextMessage(child, file)
    },
    stop: () => stopChild(child),
  }
}

function nextMessage(child: ChildProcess, file: URL): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`${file.pathname} ended`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })
}
