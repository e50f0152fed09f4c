// https://node-llama-cpp.withcat.ai/guide/batching: sequences of one context are evaluated in one batch.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asChatMl } from '../prompts.ts'
import type { LockstepResult } from './bare-loop.ts'
import type { ArmOptions } from './server-arm.ts'

interface Task {
  readonly prompts: readonly string[]
  readonly outputTokens: number
  readonly forbidden: readonly number[]
}

/** What is used of it here: it is no dependency, so that its own types are not at hand. */
interface Library {
  readonly getLlama: (options: object) => Promise<{ loadModel(options: object): Promise<Model> }>
  readonly TokenBias: new (tokenizer: Model['tokenizer']) => { set(token: number, bias: 'never'): unknown }
}

interface Model {
  readonly tokenizer: unknown
  tokenize(text: string, specialTokens: boolean): number[]
  detokenize(tokens: readonly number[]): string
  createContext(options: object): Promise<{ getSequence(): Sequence }>
}

interface Sequence {
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>
  clearHistory(): Promise<void>
}

const options = JSON.parse(process.argv[2] ?? '') as ArmOptions & { readonly place: string }
const { file, threads, parallel, contextTokens, place } = options
const { getLlama, TokenBias } = (await import(pathToFileURL(join(place, 'dist', 'index.js')).href)) as Library
const llama = await getLlama({ build: 'never', gpu: false, maxThreads: threads })
const model = await llama.loadModel({ modelPath: file })
const context = await model.createContext({
  contextSize: contextTokens,
  sequences: parallel,
  batchSize: 512,
  threads: { ideal: threads, min: threads },
})
const sequences = Array.from({ length: parallel }, () => context.getSequence())

async function run({ prompts, outputTokens, forbidden }: Task): Promise<LockstepResult> {
  const began = performance.now()
  const tokenBias = new TokenBias(model.tokenizer)
  for (const token of forbidden) tokenBias.set(token, 'never')
  const counts = await Promise.all(
    prompts.map(async (prompt, index) => {
      const sequence = sequences[index]
      if (!sequence) throw new Error(`there are ${parallel} sequences`)
      let count = 0
      const tokens = model.tokenize(asChatMl(prompt), true)
      for await (const token of sequence.evaluate(tokens, { temperature: 0, tokenBias })) {
        model.detokenize([token])
        if (++count === outputTokens) break
      }
      return count
    }),
  )
  const milliseconds = performance.now() - began
  await Promise.all(sequences.map((sequence) => sequence.clearHistory()))
  return { milliseconds, outputTokens: counts.reduce((sum, count) => sum + count, 0) }
}

process.on('message', (task: Task) => {
  run(task).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
