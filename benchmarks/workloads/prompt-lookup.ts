import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inferloom } from '../arms/inferloom.ts'
import type { RunningServer } from '../arms/server-arm.ts'
import { messageOf } from '../prompts.ts'
import { benchmarkModel, forbidEnd, writeRandomModel } from '../random-model.ts'
import { interleaved, median } from '../statistics.ts'
import type { Workload } from '../workload.ts'

const outputTokens = 200

interface Text {
  readonly what: string
  /** Absent is the built-in model. */
  readonly file?: string
  readonly messageOf: (seed: number) => string
  readonly forbidden: Readonly<Record<string, number>>
  readonly atLeast: number
}

/** What guessing from the text so far brings where answers repeat it, and costs where they do not. */
export const promptLookup: Workload = {
  name: 'lookup',
  async run({ file, threads, repetitions, progress }) {
    const texts: Text[] = [
      { what: 'repeats its prompt', file: chainFile(), messageOf: chainText, forbidden: forbidEnd, atLeast: 1.5 },
      {
        what: 'says what it likes',
        file,
        messageOf: (seed) => messageOf(100, seed),
        forbidden: forbidEnd,
        atLeast: 0.9,
      },
    ]
    const rows: string[][] = []
    const bars = []
    for (const count of threads) {
      for (const text of texts) {
        const { what, atLeast } = text
        progress(`lookup: a model that ${what}, ${count} threads`)
        const options = { threads: count, parallel: 1, contextTokens: 1024 }
        const server = await inferloom.start({ ...options, ...(text.file !== undefined && { file: text.file }) })
        try {
          for (const guessing of [true, false]) await answer(server, text, { guessing, seed: 0 })
          const [guessed = [], plain = []] = await interleaved([true, false], repetitions, (guessing, repetition) =>
            answer(server, text, { guessing, seed: 2 * repetition + (guessing ? 1 : 2) }),
          )
          const ratio =
            median(guessed.map(({ perSecond }) => perSecond)) / median(plain.map(({ perSecond }) => perSecond))
          const held = median(guessed.map(({ held }) => held))
          const perSecond = [guessed, plain].map((each) => median(each.map(({ perSecond }) => perSecond)).toFixed(0))
          rows.push([what, String(count), ...perSecond, ratio.toFixed(2), held.toFixed(0)])
          bars.push({ what: `lookup: ${what}, ${count} threads`, value: ratio, unit: '×', atLeast })
        } finally {
          await server.stop()
        }
      }
    }
    return [
      {
        title: `Guessing from the prompt, one request of ${outputTokens} output tokens: output tokens/s, median`,
        columns: ['the model', 'threads', 'guessing', 'plain', 'guessing ÷ plain', 'guesses that held'],
        rows,
        bars,
        notes: [
          'The model that repeats its prompt is the random one with an output layer that names each token’s successor: ' +
            'it costs what the other costs, and goes in a circle of 20 words that its prompt is made of. That is the best ' +
            'case, as in an edit that leaves nearly all of a file alone. Plain is the same choice of tokens (`top_k` 1) ' +
            'at a temperature at which no guesses are made. Rates are from the first token on.',
        ],
      },
    ]
  },
}

async function answer(
  server: RunningServer,
  { messageOf: messageFrom, forbidden }: Text,
  { guessing, seed }: { guessing: boolean; seed: number },
): Promise<{ perSecond: number; held: number }> {
  const before = await acceptedTokens(server)
  const body = {
    model: server.model,
    messages: [{ role: 'user' as const, content: messageFrom(seed) }],
    max_tokens: outputTokens,
    logit_bias: { ...forbidden },
    top_k: 1,
    temperature: guessing ? 0 : 0.5,
  }
  const stream = await server.client.chat.completions.create({ ...body, stream: true })
  let first: number | undefined
  let finish: string | null | undefined
  for await (const { choices } of stream) {
    first ??= performance.now()
    finish = choices[0]?.finish_reason ?? finish
  }
  if (finish !== 'length') throw new Error(`an answer ended with ${finish} before its ${outputTokens} tokens`)
  const seconds = (performance.now() - (first ?? 0)) / 1000
  return { perSecond: (outputTokens - 1) / seconds, held: (await acceptedTokens(server)) - before }
}

async function acceptedTokens(server: RunningServer): Promise<number> {
  const response = await fetch(`${server.url}/admin/engine`, { headers: server.adminHeaders ?? {} })
  const { data } = (await response.json()) as { data: { model: string; stats?: { acceptedTokens: number } }[] }
  return data.find(({ model }) => model === server.model)?.stats?.acceptedTokens ?? 0
}

/** Words with ids in a row; each is followed by the next, and the last by the first. */
const firstWord = 331 // ` ba`, behind 256 bytes and 75 syllables
const circle = 20
const words = Array.from('bdfg').flatMap((consonant) => Array.from('aeiou', (vowel) => ` ${consonant}${vowel}`))
const lineBreak = 10 // what a prompt ends with; tokens of single bytes have the byte’s number

function successor(token: number): number {
  if (token === lineBreak) return firstWord
  if (token < firstWord || token >= firstWord + circle) return token
  return firstWord + ((token - firstWord + 1) % circle)
}

/** The circle four times; how it begins differs, so that no prompt is known from the one before. */
function chainText(seed: number): string {
  return `${messageOf(30, seed)}${words.join('').repeat(4)}`
}

function chainFile(): string {
  const file = join(tmpdir(), `inferloom-benchmark-82m-q8_0-chain-seed${benchmarkModel.seed}-v2.gguf`)
  if (!existsSync(file)) writeRandomModel({ ...benchmarkModel, successor }, file)
  return file
}
