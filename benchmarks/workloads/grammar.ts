import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { forbidEnd } from '../random-model.ts'
import { interleaved, median } from '../statistics.ts'
import { isUnsupported, streamAnswer } from '../streamed-request.ts'
import type { Workload } from '../workload.ts'

const outputTokens = 60
const quote = 34 // the byte's token: forbidden, so that the string of the answer goes on

const schema = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
}

/** What answers in the shape of a JSON schema cost beside free ones. */
export const grammar: Workload = {
  name: 'grammar',
  async run({ file, threads, repetitions, progress }) {
    const most = Math.max(...threads)
    const rows: string[][] = []
    for (const arm of [inferloom, llamaServer]) {
      if (arm.missing) continue
      const server = await arm.start({ file, threads: most, parallel: 8, contextTokens: 512 })
      try {
        await tokensPerSecond(server, 1, { constrained: false, seed: 0 })
        for (const requests of [1, 8]) {
          progress(`grammar: ${requests} requests, ${arm.name}`)
          const [free = [], constrained = []] = await interleaved([false, true], repetitions, (constrained, seed) =>
            tokensPerSecond(server, requests, { constrained, seed: seed + 1 }),
          )
          const medians = [median(free), median(constrained)] as const
          const ratio = (medians[1] / medians[0]).toFixed(2)
          rows.push([arm.name, String(requests), ...medians.map((value) => value.toFixed(0)), ratio])
        }
      } catch (error) {
        if (!isUnsupported(error)) throw error
        rows.push([arm.name, '', '', 'not supported', ''])
      } finally {
        await server.stop()
      }
    }
    return [
      {
        title: `Answers in the shape of a JSON schema, ${most} threads: output tokens/s, median`,
        columns: ['', 'requests', 'free', 'JSON schema', 'schema ÷ free'],
        rows,
        bars: [],
        notes: [`Prompts of 40 tokens, ${outputTokens} output tokens each, greedy.`],
      },
    ]
  },
}

async function tokensPerSecond(
  server: RunningServer,
  requests: number,
  { constrained, seed }: { constrained: boolean; seed: number },
): Promise<number> {
  const began = performance.now()
  const answers = await Promise.all(
    Array.from({ length: requests }, (_, index) =>
      streamAnswer(server, {
        messages: [{ role: 'user', content: messageOf(40, seed * 1000 + index) }],
        max_tokens: outputTokens,
        logit_bias: { ...forbidEnd, [quote]: -100 },
        ...(constrained && {
          response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
        }),
      }),
    ),
  )
  const seconds = (performance.now() - began) / 1000
  return answers.reduce((sum, answer) => sum + answer.outputTokens, 0) / seconds
}
