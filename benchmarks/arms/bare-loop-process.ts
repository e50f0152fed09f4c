import type { Pointer } from '../../src/engine/binding/abi.ts'
import { loadLibrary } from '../../src/engine/binding/library.ts'
import { openModel } from '../../src/engine/binding/model.ts'
import { Tokenizer } from '../../src/engine/tokenizer.ts'
import { Utf8Assembler } from '../../src/engine/utf8.ts'
import { asChatMl } from '../prompts.ts'
import type { LockstepResult } from './bare-loop.ts'
import type { ArmOptions } from './server-arm.ts'

interface Task {
  readonly prompts: readonly string[]
  readonly outputTokens: number
  readonly forbidden: readonly number[]
}

interface Sequence {
  readonly id: number
  readonly prompt: Int32Array
  readonly utf8: Utf8Assembler
  position: number
  next: number
  text: string
}

const options = JSON.parse(process.argv[2] ?? '') as ArmOptions
const library = loadLibrary(() => {})
const model = openModel(
  library,
  {
    model: 'random',
    file: '',
    batchTokens: 512,
    prefillChunkTokens: 512,
    targetGapMs: 50,
    prefixCacheBytes: 0,
    ...options,
  },
  [],
)
const { llama, context, memory, batch, batchTokens, vocabulary } = model
const tokenizer = new Tokenizer(model)

let rows = 0
function put(token: number, sequence: Sequence, wantsLogits: boolean): void {
  batch.token[rows] = token
  batch.position[rows] = sequence.position++
  batch.sequence[rows] = sequence.id
  batch.wantsLogits[rows] = wantsLogits ? 1 : 0
  rows++
}

function decode(): void {
  batch.native.n_tokens = rows
  rows = 0
  const status = llama.decode(context, batch.native)
  if (status !== 0) throw new Error(`llama_decode failed with status ${status}`)
}

function accept(sampler: Pointer, sequence: Sequence, row: number): void {
  sequence.next = llama.samplerSample(sampler, context, row)
  sequence.text += sequence.utf8.push(tokenizer.bytes(sequence.next))
}

function prefill(sampler: Pointer, sequences: readonly Sequence[]): void {
  let finished: { sequence: Sequence; row: number }[] = []
  const flush = () => {
    decode()
    for (const { sequence, row } of finished) accept(sampler, sequence, row)
    finished = []
  }
  for (const sequence of sequences) {
    for (const token of sequence.prompt) {
      const last = sequence.position === sequence.prompt.length - 1
      if (last) finished.push({ sequence, row: rows })
      put(token, sequence, last)
      if (rows === batchTokens) flush()
    }
  }
  if (rows > 0) flush()
}

function run({ prompts, outputTokens, forbidden }: Task): LockstepResult {
  const began = performance.now()
  const sampler = llama.samplerChain({ no_perf: true })
  const biases = forbidden.map((token) => ({ token, bias: -100 }))
  llama.samplerAdd(sampler, llama.samplerLogitBias(vocabulary, biases.length, biases))
  llama.samplerAdd(sampler, llama.samplerGreedy())
  const sequences = prompts.map<Sequence>((prompt, id) => ({
    id,
    prompt: tokenizer.encode(asChatMl(prompt), false),
    utf8: new Utf8Assembler(),
    position: 0,
    next: 0,
    text: '',
  }))
  prefill(sampler, sequences)
  for (let step = 1; step < outputTokens; step++) {
    for (const sequence of sequences) put(sequence.next, sequence, true)
    decode()
    for (const [row, sequence] of sequences.entries()) accept(sampler, sequence, row)
  }
  const milliseconds = performance.now() - began
  for (const { id } of sequences) llama.sequenceRemove(memory, id, -1, -1)
  llama.samplerFree(sampler)
  return { milliseconds, outputTokens: outputTokens * sequences.length }
}

process.on('message', (task: Task) => process.send?.(run(task)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
