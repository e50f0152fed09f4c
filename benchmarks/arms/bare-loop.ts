import { startAskedProcess } from './asked-process.ts'
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
  const loop = await startAskedProcess(new URL('./bare-loop-process.ts', import.meta.url), options)
  return {
    arm: 'bare loop',
    run: async (prompts, outputTokens, forbidden) =>
      (await loop.ask({ prompts, outputTokens, forbidden })) as LockstepResult,
    stop: () => loop.stop(),
  }
}
