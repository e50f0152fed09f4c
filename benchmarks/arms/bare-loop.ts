import { fork } from 'node:child_process'
import { stopChild, track } from '../children.ts'
import type { ArmOptions } from './server-arm.ts'

export interface LockstepResult {
  readonly milliseconds: number
  readonly outputTokens: number
}

/** What decodes as fast as this machine can: libllama in a process of its own, without HTTP or scheduling. */
export interface BareLoop {
  readonly arm: string
  /** Evaluates all prompts, then decodes all of them in lockstep. */
  run(prompts: readonly string[], outputTokens: number, forbidden: readonly number[]): Promise<LockstepResult>
  stop(): Promise<void>
}

export async function startBareLoop(options: ArmOptions): Promise<BareLoop> {
  const child = fork(new URL('./bare-loop-process.ts', import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  track(child)
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      const onExit = () => reject(new Error('the bare loop ended'))
      child.once('exit', onExit)
      child.once('message', (message) => {
        child.off('exit', onExit)
        resolve(message)
      })
    })
  await next()
  return {
    arm: 'bare loop',
    async run(prompts, outputTokens, forbidden) {
      child.send({ prompts, outputTokens, forbidden })
      return (await next()) as LockstepResult
    },
    stop: () => stopChild(child),
  }
}
