import { GgufCursor } from './gguf-cursor.ts'
import { InferloomError } from '../canonical/errors.ts'
import { quantisationOf, tensorTypes } from './tensor-types.ts'

// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Bounds follow gguf.cpp of llama.cpp where it
// has some, so that nothing is refused here that loads there.
const longestKey = 65_535
const longestTensorName = 256
/** Longer values are known to be there and are not kept: chat templates, licences. */
const longestKeptString = 4096
/** Only arrays with a number per layer are kept, and no model has more layers. */
const mostLayers = 1024
const keptArrays = /\.attention\.head_count(_kv)?$/
const mostPairs = 16_384
const mostTensors = 262_144
const mostDimensions = 4

type Scalar = number | boolean | string
/** A value of the header; objects stand for arrays and texts that were not kept. */
type Value = Scalar | readonly number[] | { readonly count: number } | { readonly longText: true }
type Metadata = ReadonlyMap<string, Value>

interface GgufTensor {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  readonly bytes: number
}

/** What the header of a GGUF file says about the model in it. */
export interface Gguf {
  readonly file: string
  readonly sizeBytes: number
  readonly version: number
  /** `llama`, `qwen3` … */
  readonly architecture: string
  /** Tokens of prompt and output together that the model was trained for. */
  readonly contextTokens: number | undefined
  readonly layers: number
  readonly embedding: number
  readonly heads: number
  /** Per layer; 0 for a layer that keeps no keys and values. */
  readonly headsKv: readonly number[]
  readonly keyLength: number
  readonly valueLength: number
  /** Whether it writes on from what it read, and so needs a KV cache; embedding models mostly do not. */
  readonly causal: boolean
  readonly vocabulary: number | undefined
  readonly slidingWindow: number | undefined
  /** `Q4_K_M`, `F16` … */
  readonly quantisation: string
  readonly parameters: number
  readonly weightBytes: number
  /** How an embedding model makes one vector of a text: enum llama_pooling_type. */
  readonly pooling: number | undefined
  readonly hasChatTemplate: boolean
  /** `gpt2`, `llama` … */
  readonly tokenizer: string | undefined
  /** Of a model in several files: how many there are. */
  readonly splitCount: number
  readonly fileType: number | undefined
  /** `model`, `adapter` … */
  readonly kind: string | undefined
  /** Of an adapter: `lora`. */
  readonly adapterType: string | undefined
  readonly tensors: readonly GgufTensor[]
}

/**
 * Reads what a model file says about itself, without llama.cpp and without its weights. Takes milliseconds.
 * Throws `model_file_missing`, or `model_file_invalid` where the file is damaged, or cut short.
 */
export function readGguf(file: string): Gguf {
  const cursor = new GgufCursor(file)
  try {
    return read(cursor)
  } finally {
    cursor.close()
  }
}

/** Reads a model that is split into several files as if it were one. */
export function readSplitGguf(files: readonly string[]): Gguf {
  const [first, ...others] = files.map((file) => readGguf(file))
  if (!first) throw new InferloomError('model_file_missing', 'A model needs at least one file.')
  if (first.splitCount > files.length) {
    throw new InferloomError(
      'model_file_invalid',
      `${first.file} is the first of ${first.splitCount} files, and ${files.length} are here. Remedy: fetch the others.`,
    )
  }
  if (others.length === 0) return first
  const parts = [first, ...others]
  const tensors = parts.flatMap((part) => part.tensors)
  return {
    ...first,
    ...weightsOf(tensors, first.fileType),
    tensors,
    sizeBytes: sum(parts.map((part) => part.sizeBytes)),
  }
}

function read(cursor: GgufCursor): Gguf {
  if (cursor.size < 24) throw cursor.invalid(`it has ${cursor.size} bytes, and a header needs 24`)
  if (cursor.bytes(4).toString('latin1') !== 'GGUF') throw cursor.invalid('it does not begin with "GGUF"')
  const version = cursor.u32()
  if (version !== 2 && version !== 3) {
    const why = (version & 0xffff) === 0 ? 'its numbers are big-endian' : `its version is ${version}, not 2 or 3`
    throw cursor.invalid(why)
  }
  const tensorCount = bounded(cursor, 'the number of tensors', mostTensors)
  const pairCount = bounded(cursor, 'the number of its properties', mostPairs)
  const metadata = new Map<string, Value>()
  for (let index = 0; index < pairCount; index++) {
    const key = cursor.string(`the name of property ${index}`, longestKey)
    if (key === undefined) throw cursor.invalid(`the name of property ${index} is longer than ${longestKey} bytes`)
    if (metadata.has(key)) throw cursor.invalid(`the property ${shown(key)} is there twice`)
    metadata.set(key, readValue(cursor, key))
  }
  return { ...summary(cursor, metadata), version, ...readTensors(cursor, tensorCount, metadata) }
}

function bounded(cursor: GgufCursor, what: string, most: number): number {
  const count = cursor.u64(what)
  if (count > most) throw cursor.invalid(`${what} is ${count}, and ${most} is the most that is read`)
  return count
}

function shown(text: string): string {
  return `'${text.slice(0, 60).replaceAll(/[^\x20-\x7e]/g, '?')}'`
}

type Decode = (bytes: Buffer) => number | boolean
// enum gguf_type by number; strings (8) and arrays (9) are read apart.
const scalars: Readonly<Record<number, readonly [bytes: number, decode: Decode]>> = {
  0: [1, (bytes) => bytes.readUInt8()],
  1: [1, (bytes) => bytes.readInt8()],
  2: [2, (bytes) => bytes.readUInt16LE()],
  3: [2, (bytes) => bytes.readInt16LE()],
  4: [4, (bytes) => bytes.readUInt32LE()],
  5: [4, (bytes) => bytes.readInt32LE()],
  6: [4, (bytes) => bytes.readFloatLE()],
  7: [1, (bytes) => bytes.readUInt8() !== 0],
  10: [8, (bytes) => Number(bytes.readBigUInt64LE())],
  11: [8, (bytes) => Number(bytes.readBigInt64LE())],
  12: [8, (bytes) => bytes.readDoubleLE()],
}
const typeString = 8
const typeArray = 9

function readValue(cursor: GgufCursor, key: string): Value {
  const type = cursor.u32()
  if (type === typeString) return cursor.string(shown(key), longestKeptString) ?? { longText: true }
  if (type === typeArray) return readArray(cursor, key)
  const scalar = scalars[type]
  if (!scalar) throw cursor.invalid(`the property ${shown(key)} has the unknown type ${type}`)
  return scalar[1](cursor.bytes(scalar[0]))
}

function readArray(cursor: GgufCursor, key: string): Value {
  const type = cursor.u32()
  const count = cursor.u64(`the length of ${shown(key)}`)
  if (type === typeString) {
    // Each has its length before it, so these cannot be more than an eighth of the bytes that are left.
    if (count > cursor.left / 8)
      throw cursor.invalid(`${shown(key)} should have ${count} texts, ${cursor.left} bytes are left`)
    const name = `a text of ${shown(key)}`
    for (let index = 0; index < count; index++) cursor.string(name, 0)
    return { count }
  }
  const scalar = scalars[type]
  if (!scalar) throw cursor.invalid(`the property ${shown(key)} is an array of the unknown type ${type}`)
  const [bytes, decode] = scalar
  if (count > cursor.left / bytes) {
    throw cursor.invalid(`${shown(key)} should have ${count} values, ${cursor.left} bytes are left`)
  }
  if (count > mostLayers || !keptArrays.test(key)) {
    cursor.skip(count * bytes, shown(key))
    return { count }
  }
  return Array.from({ length: count }, () => Number(decode(cursor.bytes(bytes))))
}

function readTensors(cursor: GgufCursor, count: number, metadata: Metadata) {
  const alignment = numberIn(metadata, 'general.alignment') ?? 32
  if (!Number.isInteger(alignment) || alignment < 1 || alignment > 2 ** 20) {
    throw cursor.invalid(`its alignment is ${alignment}`)
  }
  const tensors: GgufTensor[] = []
  let dataBytes = 0
  for (let index = 0; index < count; index++) {
    const name = cursor.string(`the name of tensor ${index}`, longestTensorName)
    if (name === undefined)
      throw cursor.invalid(`the name of tensor ${index} is longer than ${longestTensorName} bytes`)
    const dimensions = cursor.u32()
    if (dimensions > mostDimensions) throw cursor.invalid(`the tensor ${shown(name)} has ${dimensions} dimensions`)
    const shape = Array.from({ length: dimensions }, () => cursor.u64(`a dimension of the tensor ${shown(name)}`))
    const typeId = cursor.u32()
    const offset = cursor.u64(`the place of the tensor ${shown(name)}`)
    const type = tensorTypes.get(typeId)
    if (!type) {
      throw new InferloomError(
        'model_unsupported',
        `${cursor.file} has the tensor ${shown(name)} of type ${typeId}, which this version does not know. ` +
          'Remedy: take another quantisation, or update inferloom.',
      )
    }
    const blocks = values(shape) / type.blockValues
    const bytes = blocks * type.blockBytes
    if (!Number.isSafeInteger(offset + bytes)) throw cursor.invalid(`the tensor ${shown(name)} has ${bytes} bytes`)
    tensors.push({ name, type: type.name, shape, bytes })
    dataBytes = Math.max(dataBytes, offset + bytes)
  }
  const begin = count === 0 ? cursor.position : Math.ceil(cursor.position / alignment) * alignment
  const promised = begin + dataBytes
  if (cursor.size < promised) {
    const [has, promises] = [cursor.size, promised].map((bytes) => bytes.toLocaleString('en'))
    throw cursor.invalid(`the file has ${has} bytes, its header promises ${promises}`)
  }
  return { tensors, ...weightsOf(tensors, numberIn(metadata, 'general.file_type')) }
}

function weightsOf(tensors: readonly GgufTensor[], fileType: number | undefined) {
  const byType = new Map<string, number>()
  for (const { type, bytes } of tensors) byType.set(type, (byType.get(type) ?? 0) + bytes)
  return {
    fileType,
    quantisation: quantisationOf(byType, fileType),
    parameters: sum(tensors.map(({ shape }) => values(shape))),
    weightBytes: sum(tensors.map(({ bytes }) => bytes)),
  }
}

function summary(cursor: GgufCursor, metadata: Metadata) {
  // Only the first of several files has the properties of the model.
  const isLaterPart = (numberIn(metadata, 'split.no') ?? 0) > 0
  const architecture = textIn(metadata, 'general.architecture') ?? (isLaterPart ? '' : undefined)
  if (architecture === undefined) throw cursor.invalid('it does not say its general.architecture')
  const of = (name: string) => numberIn(metadata, `${architecture}.${name}`)
  // Bounded, because arrays with one entry per layer are made from it.
  const layers = Math.min(Math.max(Math.trunc(of('block_count') ?? 0), 0), mostLayers)
  const heads = perLayer(metadata.get(`${architecture}.attention.head_count`), 1, layers)
  const mostHeads = Math.max(1, ...heads)
  const embedding = of('embedding_length') ?? 0
  const tokens = metadata.get('tokenizer.ggml.tokens')
  const counted = typeof tokens === 'object' && 'count' in tokens ? tokens.count : undefined
  return {
    file: cursor.file,
    sizeBytes: cursor.size,
    architecture,
    contextTokens: of('context_length'),
    layers,
    embedding,
    heads: mostHeads,
    headsKv: perLayer(metadata.get(`${architecture}.attention.head_count_kv`), mostHeads, layers),
    keyLength: of('attention.key_length') ?? embedding / mostHeads,
    valueLength: of('attention.value_length') ?? embedding / mostHeads,
    causal: metadata.get(`${architecture}.attention.causal`) !== false,
    vocabulary: counted ?? of('vocab_size'),
    slidingWindow: of('attention.sliding_window') || undefined,
    pooling: of('pooling_type'),
    hasChatTemplate: metadata.has('tokenizer.chat_template'),
    tokenizer: textIn(metadata, 'tokenizer.ggml.model'),
    splitCount: numberIn(metadata, 'split.count') ?? 1,
    kind: textIn(metadata, 'general.type'),
    adapterType: textIn(metadata, 'adapter.type'),
  }
}

/** Some models give one number for all layers, others one for each. */
function perLayer(value: Value | undefined, otherwise: number, layers: number): number[] {
  if (Array.isArray(value)) return (value as number[]).slice(0, layers).map((each) => Math.max(0, each))
  return Array.from({ length: layers }, () => Math.max(0, typeof value === 'number' ? value : otherwise))
}

function numberIn(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(key)
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

function textIn(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

function values(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
