// What a decode step takes beside cells of other sequences in the unified KV cache, with the fused attention kernel and
// without: what src/engine/cache-size.ts and the cells kept in the cache were decided by.
// node scripts/run.mjs benchmarks/attention.ts [threads]
import { fileURLToPath } from 'node:url'
import { loadLibrary } from '../src/engine/binding/library.ts'
import { openModel, type LoadedModel } from '../src/engine/binding/model.ts'
import { benchmarkModelFile } from './random-model.ts'
import { median } from './statistics.ts'

const promptTokens = 124
const steps = 20
const foreignSequence = 40
const library = loadLibrary(() => {})
const threads = Number(process.argv[2] ?? 2)
const builtIn = fileURLToPath(new URL('../models/loom-mini.gguf', import.meta.url))

type Row = readonly [sequence: number, position: number]

function evaluate({ llama, context, batch }: LoadedModel, rows: readonly Row[]): number {
  for (const [index, [sequence, position]] of rows.entries()) {
    batch.token[index] = 300 + ((position * 7 + sequence) % 1000)
    batch.position[index] = position
    batch.sequence[index] = sequence
    batch.wantsLogits[index] = index === rows.length - 1 ? 1 : 0
  }
  batch.native.n_tokens = rows.length
  const began = performance.now()
  if (llama.decode(context, batch.native) !== 0) throw new Error('llama_decode failed')
  return performance.now() - began
}

function fill(model: LoadedModel, sequence: number, tokens: number): void {
  for (let from = 0; from < tokens; from += model.batchTokens) {
    const count = Math.min(model.batchTokens, tokens - from)
    evaluate(
      model,
      Array.from({ length: count }, (_, index): Row => [sequence, from + index]),
    )
  }
}

function stepMs(model: LoadedModel, sequences: number, foreignCells: number): number {
  model.llama.sequenceRemove(model.memory, -1, -1, -1)
  for (let cells = 0; cells < foreignCells; cells += 1024) fill(model, foreignSequence + cells / 1024, 1024)
  for (let sequence = 0; sequence < sequences; sequence++) fill(model, sequence, promptTokens)
  const rows = (step: number) =>
    Array.from({ length: sequences }, (_, sequence): Row => [sequence, promptTokens + step])
  return median(Array.from({ length: steps }, (_, step) => evaluate(model, rows(step))))
}

console.log(`| model, ${threads} threads | fused | foreign cells | 1 sequence, ms | 8 sequences, ms |`)
console.log('| --- | --- | --- | --- | --- |')
for (const [name, file] of [
  ['82M', benchmarkModelFile()],
  ['loom-mini', builtIn],
] as const) {
  for (const flashAttention of [false, true]) {
    const shape = { parallel: 16, batchTokens: 512, prefillChunkTokens: 512, targetGapMs: 200, prefixCacheBytes: 0 }
    const model = openModel(library, { model: name, file, threads, flashAttention, cells: 8192, ...shape }, [])
    for (const foreign of [0, 1024, 4096]) {
      const [one, eight] = [1, 8].map((sequences) => stepMs(model, sequences, foreign).toFixed(1))
      console.log(`| ${name} | ${flashAttention ? 'yes' : 'no'} | ${foreign} | ${one} | ${eight} |`)
    }
  }
}
