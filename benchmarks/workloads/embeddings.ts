import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { interleaved, median } from '../statistics.ts'
import { isUnsupported } from '../streamed-request.ts'
import type { Workload } from '../workload.ts'

const texts = 64
const textTokens = 48
/** llama-server embeds only where it is started for it. */
const env = { LLAMA_ARG_EMBEDDINGS: '1', LLAMA_ARG_POOLING: 'mean' }

const ways = {
  'one request after another': async (server: RunningServer, inputs: readonly string[]) => {
    for (const input of inputs) await embed(server, [input])
  },
  'all requests at once': (server: RunningServer, inputs: readonly string[]) =>
    Promise.all(inputs.map((input) => embed(server, [input]))),
  'all texts in one request': (server: RunningServer, inputs: readonly string[]) => embed(server, inputs),
} as const

type Way = keyof typeof ways

/** What sharing evaluations between requests gives to embeddings. */
export const embeddings: Workload = {
  name: 'embeddings',
  async run({ file, threads, repetitions, progress }) {
    const most = Math.max(...threads)
    const names = Object.keys(ways) as Way[]
    const rows: string[][] = []
    for (const arm of [inferloom, llamaServer]) {
      if (arm.missing) continue
      progress(`embeddings: ${arm.name}`)
      const server = await arm.start({ file, threads: most, parallel: 16, contextTokens: 512, env })
      try {
        await embed(server, ['warm'])
        const rates = await interleaved(names, repetitions, (way, seed) => textsPerSecond(server, way, seed))
        rows.push([arm.name, ...rates.map((values) => median(values).toFixed(0))])
      } catch (error) {
        if (!isUnsupported(error)) throw error
        rows.push([arm.name, ...names.map(() => 'not supported')])
      } finally {
        await server.stop()
      }
    }
    const title = `Embeddings of ${texts} texts of about ${textTokens - 16} tokens, ${most} threads: texts/s, median`
    return [{ title, columns: ['', ...names], rows, bars: [] }]
  },
}

async function textsPerSecond(server: RunningServer, way: Way, seed: number): Promise<number> {
  const inputs = Array.from({ length: texts }, (_, index) => messageOf(textTokens, seed * texts + index))
  const began = performance.now()
  await ways[way](server, inputs)
  return (texts * 1000) / (performance.now() - began)
}

async function embed({ client, model }: RunningServer, input: readonly string[]): Promise<void> {
  await client.embeddings.create({ model, input: [...input], encoding_format: 'base64' })
}
