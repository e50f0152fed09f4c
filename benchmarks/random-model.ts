// Models of random weights: as fast and as large as a trained one of their shape, and made in a second.
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeGguf, type MetadataValue, type Tensor, type TensorType } from './gguf-writer.ts'
import { randomVocabulary } from './random-vocabulary.ts'
import { seededRandom } from './seeded-random.ts'

export interface RandomModelOptions {
  readonly layers: number
  readonly embedding: number
  readonly heads: number
  readonly headsKv: number
  readonly feedForward: number
  readonly vocabulary: number
  readonly contextTokens: number
  readonly seed: number
  /** Of the matrices; norms are always F32. */
  readonly type?: TensorType
  /** Default: ChatML. `null` writes none. */
  readonly chatTemplate?: string | null
  /** Added to what the file says about itself, or put in its place. */
  readonly metadata?: Readonly<Record<string, MetadataValue>>
  /** What token the model says after each, whatever came before; absent leaves it to chance. */
  readonly successor?: (token: number) => number
}

/** 82 million parameters. */
export const benchmarkModel: RandomModelOptions = {
  layers: 12,
  embedding: 768,
  heads: 12,
  headsKv: 4,
  feedForward: 2048,
  vocabulary: 4096,
  contextTokens: 8192,
  seed: 1,
}

/** Ids of the tokens that end an answer of `benchmarkModel`. */
export const endTokens: readonly number[] = [benchmarkModel.vocabulary - 3, benchmarkModel.vocabulary - 1]

/** OpenAI's `logit_bias` that forbids them, so that answers have the length asked for. */
export const forbidEnd: Record<string, number> = Object.fromEntries(endTokens.map((token) => [token, -100]))

/** Small enough to be written and loaded in a few milliseconds. */
export const tinyModel: RandomModelOptions = {
  layers: 2,
  embedding: 64,
  heads: 4,
  headsKv: 2,
  feedForward: 128,
  vocabulary: 512,
  contextTokens: 512,
  seed: 1,
}

/** Part of the cached file's name: raise it when the same options write other bytes. */
const version = 1

/** The file of `benchmarkModel`, written to the temporary folder once. */
export function benchmarkModelFile(): string {
  const file = join(tmpdir(), `inferloom-benchmark-82m-q8_0-seed${benchmarkModel.seed}-v${version}.gguf`)
  if (!existsSync(file)) writeRandomModel(benchmarkModel, file)
  return file
}

const chatMl =
  `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}` +
  `{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`

/** Writes a model of the llama architecture with a byte-level BPE vocabulary; the same options, the same bytes. */
export function writeRandomModel(options: RandomModelOptions, file: string): void {
  const { layers, embedding, heads, headsKv, feedForward, vocabulary, contextTokens, seed, type = 'Q8_0' } = options
  const { tokens, merges, control } = randomVocabulary(vocabulary, seed)
  const template = options.chatTemplate === undefined ? chatMl : options.chatTemplate
  const { matrix, ones } = tensorsOf(seed, type)
  const headSize = embedding / heads
  const ends = options.successor
    ? chained(options, options.successor)
    : {
        embeddings: matrix('token_embd.weight', embedding, vocabulary),
        output: matrix('output.weight', embedding, vocabulary),
      }
  const layer = (name: string) => [
    ones(`${name}.attn_norm.weight`, embedding),
    matrix(`${name}.attn_q.weight`, embedding, embedding),
    matrix(`${name}.attn_k.weight`, embedding, headSize * headsKv),
    matrix(`${name}.attn_v.weight`, embedding, headSize * headsKv),
    matrix(`${name}.attn_output.weight`, embedding, embedding),
    ones(`${name}.ffn_norm.weight`, embedding),
    matrix(`${name}.ffn_gate.weight`, embedding, feedForward),
    matrix(`${name}.ffn_up.weight`, embedding, feedForward),
    matrix(`${name}.ffn_down.weight`, feedForward, embedding),
  ]
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': 'llama',
    'general.name': `random weights, seed ${seed}`,
    'general.file_type': { uint32: fileTypes[type] },
    'llama.block_count': { uint32: layers },
    'llama.context_length': { uint32: contextTokens },
    'llama.embedding_length': { uint32: embedding },
    'llama.feed_forward_length': { uint32: feedForward },
    'llama.attention.head_count': { uint32: heads },
    'llama.attention.head_count_kv': { uint32: headsKv },
    'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
    'llama.rope.dimension_count': { uint32: headSize },
    'llama.rope.freq_base': { float32: 10_000 },
    'llama.vocab_size': { uint32: vocabulary },
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': { int32s: tokens.map((_, id) => (id < control.endOfText ? normal : controlType)) },
    'tokenizer.ggml.merges': merges,
    'tokenizer.ggml.bos_token_id': { uint32: control.endOfText },
    'tokenizer.ggml.eos_token_id': { uint32: control.end },
    'tokenizer.ggml.add_bos_token': false,
    ...(template !== null && { 'tokenizer.chat_template': template }),
    ...options.metadata,
  }
  writeGguf(file, metadata, [
    ends.embeddings,
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    ones('output_norm.weight', embedding),
    ends.output,
  ])
}

/** Embeddings that outweigh what all layers add to them, and an output that knows each token by its predecessor's. */
function chained(
  { embedding, vocabulary, seed, type = 'Q8_0' }: RandomModelOptions,
  successor: (token: number) => number,
): { embeddings: Tensor; output: Tensor } {
  const random = seededRandom(seed + 1)
  const embeddings = Float32Array.from({ length: vocabulary * embedding }, () => (random() - 0.5) * 32)
  const outputs = new Float32Array(vocabulary * embedding)
  for (let token = 0; token < vocabulary; token++) {
    const row = successor(token) * embedding
    for (let at = 0; at < embedding; at++) {
      outputs[row + at] = (outputs[row + at] ?? 0) + (embeddings[token * embedding + at] ?? 0) / embedding
    }
  }
  const tensorOf = (name: string, all: Float32Array): Tensor => {
    let written = 0
    const fill = (values: Float32Array) => {
      values.set(all.subarray(written, written + values.length))
      written += values.length
    }
    return { name, shape: [embedding, vocabulary], type, fill }
  }
  return { embeddings: tensorOf('token_embd.weight', embeddings), output: tensorOf('output.weight', outputs) }
}

export interface RandomBertOptions {
  readonly layers: number
  readonly embedding: number
  readonly heads: number
  readonly feedForward: number
  /** At least 141: five special tokens, and each printable ASCII character but capitals at a word's start and within it. */
  readonly vocabulary: number
  readonly contextTokens: number
  readonly seed: number
  readonly type?: TensorType
  /** enum llama_pooling_type: 1 mean, 2 the first token's, 3 the last token's */
  readonly pooling?: number
}

export const tinyBert: RandomBertOptions = {
  layers: 2,
  embedding: 64,
  heads: 4,
  feedForward: 128,
  vocabulary: 512,
  contextTokens: 512,
  seed: 1,
}

/** Writes an embedding model of the BERT architecture with a WordPiece vocabulary (lower case, ASCII). */
export function writeRandomBert(options: RandomBertOptions, file: string): void {
  const { layers, embedding, heads, feedForward, vocabulary, contextTokens, seed, type = 'Q8_0' } = options
  const { matrix, ones, noise } = tensorsOf(seed, type)
  const tokens = wordPieces(vocabulary)
  const dense = (name: string, from: number, to: number) => [
    matrix(`${name}.weight`, from, to),
    noise(`${name}.bias`, to),
  ]
  const norm = (name: string) => [ones(`${name}.weight`, embedding), noise(`${name}.bias`, embedding)]
  const layer = (name: string) => [
    ...['q', 'k', 'v', 'output'].flatMap((part) => dense(`${name}.attn_${part}`, embedding, embedding)),
    ...norm(`${name}.attn_output_norm`),
    ...dense(`${name}.ffn_up`, embedding, feedForward),
    ...dense(`${name}.ffn_down`, feedForward, embedding),
    ...norm(`${name}.layer_output_norm`),
  ]
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': 'bert',
    'general.name': `random weights, seed ${seed}`,
    'general.file_type': { uint32: fileTypes[type] },
    'bert.block_count': { uint32: layers },
    'bert.context_length': { uint32: contextTokens },
    'bert.embedding_length': { uint32: embedding },
    'bert.feed_forward_length': { uint32: feedForward },
    'bert.attention.head_count': { uint32: heads },
    'bert.attention.layer_norm_epsilon': { float32: 1e-12 },
    'bert.attention.causal': false,
    'bert.pooling_type': { uint32: options.pooling ?? 1 },
    'tokenizer.ggml.model': 'bert',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': { int32s: tokens.map((_, id) => (id < specials.length ? controlType : normal)) },
    'tokenizer.ggml.token_type_count': { uint32: 2 },
    'tokenizer.ggml.padding_token_id': { uint32: 0 },
    'tokenizer.ggml.unknown_token_id': { uint32: 1 },
    'tokenizer.ggml.bos_token_id': { uint32: 2 },
    'tokenizer.ggml.cls_token_id': { uint32: 2 },
    'tokenizer.ggml.eos_token_id': { uint32: 3 },
    'tokenizer.ggml.seperator_token_id': { uint32: 3 }, // misspelled in GGUF's own specification
    'tokenizer.ggml.mask_token_id': { uint32: 4 },
  }
  writeGguf(file, metadata, [
    matrix('token_embd.weight', embedding, vocabulary),
    // The token types are added as they stand, which works on F32 alone.
    matrix('position_embd.weight', embedding, contextTokens, 'F32'),
    matrix('token_types.weight', embedding, 2, 'F32'),
    ...norm('token_embd_norm'),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    ...(options.pooling === rankPooling
      ? [...dense('cls', embedding, embedding), ...dense('cls.output', embedding, 1)]
      : []),
  ])
}

/** enum llama_pooling_type: a head gives a score instead of a vector. */
const rankPooling = 4
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
/** enum llama_token_type */
const normal = 1
const controlType = 3
/** enum llama_ftype */
const fileTypes: Readonly<Record<TensorType, number>> = { F32: 0, F16: 1, Q8_0: 7 }

/** GGUF marks the start of a word, where WordPiece's own files mark its continuation. */
function wordPieces(size: number): string[] {
  const characters = Array.from({ length: 94 }, (_, index) => String.fromCodePoint(0x21 + index)).filter(
    (character) => character === character.toLowerCase(),
  )
  const tokens = [...specials, ...characters.map((each) => `\u2581${each}`), ...characters]
  if (size < tokens.length) throw new Error(`vocabulary is ${size}; the characters alone are ${tokens.length}`)
  for (let filler = 0; tokens.length < size; filler++) tokens.push(`\u2581unused${filler}`)
  return tokens
}

/** Matrices whose products keep the size of what goes in, as those of a trained model do. */
function tensorsOf(seed: number, type: TensorType) {
  const random = seededRandom(seed)
  const uniform = (values: Float32Array, deviation: number) => {
    const width = deviation * Math.sqrt(12)
    for (let index = 0; index < values.length; index++) values[index] = (random() - 0.5) * width
  }
  return {
    matrix: (name: string, from: number, to: number, as = type): Tensor => ({
      name,
      shape: [from, to],
      type: as,
      fill: (values) => uniform(values, 1 / Math.sqrt(from)),
    }),
    ones: (name: string, length: number): Tensor => ({
      name,
      shape: [length],
      type: 'F32',
      fill: (values) => void values.fill(1),
    }),
    noise: (name: string, length: number): Tensor => ({
      name,
      shape: [length],
      type: 'F32',
      fill: (values) => uniform(values, 0.02),
    }),
  }
}
