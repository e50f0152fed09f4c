import { engineStats, inferloom } from '../arms/inferloom.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { forbidEnd } from '../random-model.ts'
import { median } from '../statistics.ts'
import { streamAnswer } from '../streamed-request.ts'
import type { Bar, Workload } from '../workload.ts'

const outputTokens = 200

/** CPU time of the engine's thread outside llama_decode: scheduling, sampling, detokenising, and messages. */
export const overhead: Workload = {
  name: 'overhead',
  async run({ file, quick, repetitions, progress }) {
    const server = await inferloom.start({ file, threads: 1, parallel: 16, contextTokens: 512 })
    try {
      await microsecondsPerToken(server, 4, 0) // compiles what is hot
      const rows: string[][] = []
      const bars: Bar[] = []
      for (const requests of quick ? [1, 8] : [1, 4, 16]) {
        const values: number[] = []
        for (let repetition = 1; repetition <= repetitions; repetition++) {
          progress(`overhead: ${requests} requests, ${repetition} of ${repetitions}`)
          values.push(await microsecondsPerToken(server, requests, repetition))
        }
        rows.push([String(requests), median(values).toFixed(0), values.map((value) => value.toFixed(0)).join(', ')])
        bars.push({ what: `overhead, ${requests} requests`, value: median(values), unit: 'µs/token', atMost: 150 })
      }
      return [
        {
          title: 'Engine CPU outside llama_decode, per output token',
          columns: ['requests', 'µs/token, median', 'each'],
          rows,
          bars,
        },
      ]
    } finally {
      await server.stop()
    }
  },
}

async function microsecondsPerToken(server: RunningServer, requests: number, seed: number): Promise<number> {
  const before = await engineStats(server)
  await Promise.all(
    Array.from({ length: requests }, (_, index) =>
      streamAnswer(server, {
        messages: [{ role: 'user', content: messageOf(124, seed * 1000 + index) }],
        max_tokens: outputTokens,
        logit_bias: forbidEnd,
      }),
    ),
  )
  const after = await engineStats(server)
  return ((after.overheadCpuMs - before.overheadCpuMs) * 1000) / (after.outputTokens - before.outputTokens)
}
