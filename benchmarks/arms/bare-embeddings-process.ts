// What embeds as fast as this machine can: libllama alone, batches as full as they go, the vectors read and left.
import { loadLibrary } from '../../src/engine/binding/library.ts'
import { openBatch, openModel } from '../../src/engine/binding/model.ts'
import { Tokenizer } from '../../src/engine/tokenizer.ts'
import type { ArmOptions } from './server-arm.ts'

const batchTokens = 512
const meanPooling = 1 // enum llama_pooling_type

const options = JSON.parse(process.argv[2] ?? '') as ArmOptions
const weights = openModel(
  loadLibrary(() => {}),
  { model: 'random', file: '', batchTokens, prefillChunkTokens: 512, targetGapMs: 50, prefixCacheBytes: 0, ...options },
  [],
)
const { llama, model } = weights
const tokenizer = new Tokenizer(weights)
const context = llama.contextInit(model, {
  ...llama.contextDefaultParams(),
  n_ctx: batchTokens,
  n_batch: batchTokens,
  n_ubatch: batchTokens,
  n_seq_max: 64,
  n_threads: options.threads,
  n_threads_batch: options.threads,
  kv_unified: true,
  embeddings: true,
  pooling_type: meanPooling,
})
if (!context) throw new Error('there is no memory for the context')
const memory = llama.memory(context)
const batch = openBatch(llama, batchTokens)

function run(texts: readonly string[]): number {
  const began = performance.now()
  let rows = 0
  let sequences = 0
  const flush = () => {
    batch.native.n_tokens = rows
    llama.memoryClear(memory, false)
    if (context === null || llama.decode(context, batch.native) !== 0) throw new Error('llama_decode failed')
    for (let sequence = 0; sequence < sequences; sequence++) llama.embeddingOf(context, sequence)
    rows = 0
    sequences = 0
  }
  for (const text of texts) {
    const tokens = tokenizer.encodePlain(text, true)
    if (rows + tokens.length > batchTokens) flush()
    for (const [position, token] of tokens.entries()) {
      batch.token[rows] = token
      batch.position[rows] = position
      batch.sequence[rows] = sequences
      batch.wantsLogits[rows++] = 1
    }
    sequences++
  }
  flush()
  return performance.now() - began
}

process.on('message', (texts: string[]) => process.send?.(run(texts)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
