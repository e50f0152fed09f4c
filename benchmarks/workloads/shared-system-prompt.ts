import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import type { RunningServer, ServerArm } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { forbidEnd } from '../random-model.ts'
import { interleaved, median } from '../statistics.ts'
import { streamAnswer } from '../streamed-request.ts'
import type { Workload } from '../workload.ts'

const outputTokens = 16
const atOnce = 8

interface Variant {
  readonly label: string
  readonly arm: ServerArm
  readonly env?: Readonly<Record<string, string>>
  /** It takes long and only says how large the difference is: measured once. */
  readonly once?: boolean
}

const variants: readonly Variant[] = [
  { label: 'inferloom', arm: inferloom },
  { label: 'inferloom without reuse', arm: inferloom, env: { INFERLOOM_PREFIX_REUSE: '0' }, once: true },
  { label: 'llama-server', arm: llamaServer },
]

/** Requests that begin with the same long system prompt, some at a time, as those of one application do. */
export const sharedSystemPrompt: Workload = {
  name: 'shared',
  async run({ file, threads, quick, repetitions, progress }) {
    const most = Math.max(...threads)
    const requests = quick ? 16 : 32
    const systemTokens = quick ? 300 : 1000
    const arms = variants.filter(({ arm, once }) => !arm.missing && !(quick && once))
    const values = await interleaved(arms, repetitions, async ({ arm, label, env, once }, repetition) => {
      if (once && repetition > 0) return undefined
      progress(`shared: ${requests} requests, ${label}, ${repetition + 1} of ${repetitions}`)
      const options = { file, threads: most, parallel: atOnce, contextTokens: 2048 }
      const server = await arm.start({ ...options, ...(env && { env }) })
      try {
        return await askAll(server, { requests, systemTokens, seed: repetition })
      } finally {
        await server.stop()
      }
    })
    const rows = arms.map(({ label }, index) => {
      const runs = values[index]?.filter((run) => run !== undefined) ?? []
      const seconds = median(runs.map((run) => run.seconds))
      const firstToken = median(runs.map((run) => run.firstTokenMs))
      return [label, seconds.toFixed(1), firstToken.toFixed(0), ((requests * outputTokens) / seconds).toFixed(0)]
    })
    return [
      {
        title: `${requests} requests with one system prompt of ${systemTokens} tokens, ${atOnce} at a time, ${most} threads`,
        columns: ['', 'seconds to the last token', 'TTFT, median ms', 'output tokens/s'],
        rows,
        bars: [],
        notes: [`${outputTokens} output tokens each; every repetition begins with a server that has just started.`],
      },
    ]
  },
}

interface Asking {
  readonly requests: number
  readonly systemTokens: number
  readonly seed: number
}

async function askAll(server: RunningServer, { requests, systemTokens, seed }: Asking) {
  const system = messageOf(systemTokens, seed)
  // A server's very first request also pays for its start.
  await streamAnswer(server, { messages: [{ role: 'user', content: 'ba' }], max_tokens: 2, logit_bias: forbidEnd })
  const firstTokens: number[] = []
  const began = performance.now()
  let next = 0
  const asker = async () => {
    while (next < requests) {
      const question = messageOf(40, 10_000 + next++)
      const { firstTokenMs } = await streamAnswer(server, {
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: question },
        ],
        max_tokens: outputTokens,
        logit_bias: forbidEnd,
      })
      firstTokens.push(firstTokenMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, asker))
  return { seconds: (performance.now() - began) / 1000, firstTokenMs: median(firstTokens) }
}
