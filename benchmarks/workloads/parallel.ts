import { startBareLoop, type BareLoop } from '../arms/bare-loop.ts'
import { inferloom } from '../arms/inferloom.ts'
import { llamaServer } from '../arms/llama-server.ts'
import { nodeLlamaCpp } from '../arms/node-llama-cpp.ts'
import { ollama } from '../arms/ollama.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { endTokens, forbidEnd } from '../random-model.ts'
import { interleaved, median } from '../statistics.ts'
import { streamAnswer } from '../streamed-request.ts'
import type { Bar, Extent, Section, Workload } from '../workload.ts'

const promptTokens = 124
const outputTokens = 60
const parallel = 16
const contextTokens = 512

/** Requests sent at once, each with a prompt of its own: output tokens per second until the last of them. */
export const parallelRequests: Workload = {
  name: 'parallel',
  async run(extent) {
    const sections: Section[] = []
    for (const threads of extent.threads) sections.push(await withThreads(threads, extent))
    return sections
  },
}

async function withThreads(threads: number, { file, quick, repetitions, progress }: Extent): Promise<Section> {
  progress(`parallel: starting the arms with ${threads} threads`)
  const options = { file, threads, parallel, contextTokens }
  const bare = await startBareLoop(options)
  const peers = [llamaServer, ollama].filter(({ missing }) => missing === undefined)
  const servers: RunningServer[] = []
  for (const arm of [inferloom, ...peers]) servers.push(await arm.start(options))
  const library = nodeLlamaCpp.missing === undefined ? [await nodeLlamaCpp.start(options)] : []
  const arms = [bare, ...servers, ...library]
  try {
    for (const arm of arms) await tokensPerSecond(arm, messages(2, 0))
    const rows: string[][] = []
    const bars: Bar[] = []
    for (const requests of quick ? [1, 8] : [1, 4, 8, 16]) {
      const values = await interleaved(arms, repetitions, async (arm, repetition) => {
        progress(`parallel: ${threads} threads, ${requests} requests, ${arm.arm}, ${repetition + 1} of ${repetitions}`)
        return tokensPerSecond(arm, messages(requests, 1 + repetition))
      })
      const [bareMedian = 0, own = 0, ...others] = values.map(median)
      rows.push([
        String(requests),
        ...values.map(
          (each) => `${median(each).toFixed(0)} (${Math.min(...each).toFixed(0)}–${Math.max(...each).toFixed(0)})`,
        ),
        ...[bareMedian, ...others].map((other) => (own / other).toFixed(2)),
      ])
      const what = (other: string) => `inferloom ÷ ${other}, ${threads} threads, ${requests} requests`
      bars.push({ what: what('bare loop'), value: own / bareMedian, unit: '×', atLeast: threads === 1 ? 0.9 : 0.75 })
      for (const [at, { name }] of peers.entries()) {
        bars.push({ what: what(name), value: own / (others[at] ?? Number.NaN), unit: '×', atLeast: 0.9 })
      }
    }
    const compared = arms.filter(({ arm }) => arm !== inferloom.name).map(({ arm }) => `inferloom ÷ ${arm}`)
    return {
      title: `Parallel requests, ${threads} compute thread${threads === 1 ? '' : 's'}: output tokens/s, median (range)`,
      columns: ['requests', ...arms.map(({ arm }) => arm), ...compared],
      rows,
      bars,
      notes: [
        `Prompts of ${promptTokens} tokens, ${outputTokens} output tokens each, greedy.`,
        ...[llamaServer, ollama, nodeLlamaCpp].flatMap(({ name, missing }) =>
          missing ? `${name} was left out: ${missing}.` : [],
        ),
      ],
    }
  } finally {
    await Promise.all(arms.map((arm) => arm.stop()))
  }
}

function messages(requests: number, seed: number): string[] {
  return Array.from({ length: requests }, (_, index) => messageOf(promptTokens, seed * 1000 + requests * 20 + index))
}

async function tokensPerSecond(arm: BareLoop | RunningServer, prompts: readonly string[]): Promise<number> {
  if ('run' in arm) {
    const { milliseconds, outputTokens: tokens } = await arm.run(prompts, outputTokens, endTokens)
    return (tokens / milliseconds) * 1000
  }
  const began = performance.now()
  const answers = await Promise.all(
    prompts.map((content) =>
      streamAnswer(arm, {
        messages: [{ role: 'user', content }],
        max_tokens: outputTokens,
        logit_bias: forbidEnd,
      }),
    ),
  )
  const seconds = (performance.now() - began) / 1000
  let written = 0
  for (const { outputTokens: given } of answers) {
    written += given
    if (given === outputTokens || arm.mayEndEarly === true) continue
    throw new Error(`${arm.arm} gave ${given} tokens instead of ${outputTokens}`)
  }
  return written / seconds
}
