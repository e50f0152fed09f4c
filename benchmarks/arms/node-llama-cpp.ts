import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startAskedProcess } from './asked-process.ts'
import type { BareLoop, LockstepResult } from './bare-loop.ts'
import type { ArmOptions } from './server-arm.ts'

/** Names the folder in which somebody has installed it: `npm install node-llama-cpp`. */
const variable = 'INFERLOOM_BENCH_NODE_LLAMA_CPP'

const folder = process.env[variable]
const place = folder === undefined ? undefined : join(resolve(folder), 'node_modules', 'node-llama-cpp')
const manifest = place === undefined ? '' : join(place, 'package.json')

/** A library, not a server: it is asked in a process of its own, without HTTP. */
export const nodeLlamaCpp: {
  readonly name: string
  /** Why it cannot run here, if so. */
  readonly missing?: string
  start(options: ArmOptions): Promise<BareLoop>
} = {
  name: 'node-llama-cpp',
  ...(!existsSync(manifest) && {
    missing: `${variable} names no folder in which it is installed (npm install node-llama-cpp)`,
  }),
  async start(options) {
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
    const file = new URL('./node-llama-cpp-process.ts', import.meta.url)
    return {
      arm: `node-llama-cpp ${version}`,
      // A process for each measurement: one that waits was seen to keep a core busy, which the other arms would pay for.
      async run(prompts, outputTokens, forbidden) {
        const library = await startAskedProcess(file, { ...options, place })
        try {
          await library.ask({ prompts: prompts.slice(0, 1), outputTokens: 4, forbidden })
          return (await library.ask({ prompts, outputTokens, forbidden })) as LockstepResult
        } finally {
          await library.stop()
        }
      },
      stop: async () => {},
    }
  },
}
