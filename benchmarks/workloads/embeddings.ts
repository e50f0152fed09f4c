import { startAskedProcess } from '../arms/asked-process.ts'
import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { framing, messageOf } from '../prompts.ts'
import { interleaved, median } from '../statistics.ts'
import { isUnsupported } from '../streamed-request.ts'
import type { Extent, Workload } from '../workload.ts'

const texts = 64
const textTokens = 48
const many = 256
const manyTokens = 64
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
    const besideBare = await beside({ file, threads: most, repetitions, progress })
    const title = `Embeddings of ${texts} texts of about ${textTokens - 16} tokens, ${most} threads: texts/s, median`
    return [{ title, columns: ['', ...names], rows, bars: [] }, besideBare]
  },
}

type Beside = Pick<Extent, 'file' | 'repetitions' | 'progress'> & { readonly threads: number }

/** One large request beside the same texts in a bare loop over libllama. */
async function beside({ file, threads, repetitions, progress }: Beside) {
  const options = { file, threads, parallel: 16, contextTokens: 512 }
  const bare = await startAskedProcess(new URL('../arms/bare-embeddings-process.ts', import.meta.url), options)
  const server = await inferloom.start(options)
  const inputsOf = (seed: number) =>
    Array.from({ length: many }, (_, index) => messageOf(manyTokens + framing, 100_000 + seed * many + index))
  const arms = {
    'bare loop': async (inputs: readonly string[]) => void (await bare.ask(inputs)),
    inferloom: (inputs: readonly string[]) => embed(server, inputs),
  } as const
  type Arm = keyof typeof arms
  try {
    for (const arm of Object.values(arms)) await arm(inputsOf(0).slice(0, 16))
    const values = await interleaved(Object.keys(arms) as Arm[], repetitions, async (arm, seed) => {
      progress(`embeddings: ${many} texts, ${arm}, ${seed + 1} of ${repetitions}`)
      const inputs = inputsOf(1 + seed)
      const began = performance.now()
      await arms[arm](inputs)
      return (many * 1000) / (performance.now() - began)
    })
    const [bareRate = 0, own = 0] = values.map(median)
    const value = own / bareRate
    return {
      title: `${many} texts of ${manyTokens} tokens in one request, ${threads} threads: texts/s, median`,
      columns: ['bare loop', 'inferloom', 'inferloom ÷ bare loop'],
      rows: [[bareRate.toFixed(1), own.toFixed(1), value.toFixed(2)]],
      bars: [{ what: 'embeddings, inferloom ÷ bare loop', value, unit: '×', atLeast: 0.9 }],
    }
  } finally {
    await bare.stop()
    await server.stop()
  }
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
