// Writes GGUF version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

/** A metadata value; numbers say their type, because a reader refuses the right number of the wrong type. */
export type MetadataValue =
  | string
  | boolean
  | readonly string[]
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] }

export interface Tensor {
  readonly name: string
  /** In GGUF's order: the length of a row comes first. */
  readonly shape: readonly number[]
  readonly type: TensorType
  /** Writes the next values of the tensor; called until it is full, each time for whole rows of blocks. */
  readonly fill: (values: Float32Array) => void
}

export type TensorType = 'F32' | 'F16' | 'Q8_0'

interface Encoding {
  /** enum ggml_type */
  readonly id: number
  readonly blockValues: number
  readonly blockBytes: number
  readonly encode: (values: Float32Array) => Uint8Array
}

const encodings: Readonly<Record<TensorType, Encoding>> = {
  F32: { id: 0, blockValues: 1, blockBytes: 4, encode: (values) => bytesOf(values) },
  F16: { id: 1, blockValues: 1, blockBytes: 2, encode: (values) => bytesOf(new Float16Array(values)) },
  Q8_0: { id: 8, blockValues: 32, blockBytes: 34, encode: encodeQ8 },
}

const alignment = 32
const chunkValues = 1 << 16

/** Writes the whole file under another name first, so that a file of this name is always complete. */
export function writeGguf(
  file: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly Tensor[],
): void {
  const partial = `${file}.${process.pid}.partial`
  const descriptor = openSync(partial, 'w')
  try {
    let written = writeAll(descriptor, header(metadata, tensors))
    written += writeAll(descriptor, new Uint8Array(padding(written)))
    for (const tensor of tensors) writeTensor(descriptor, tensor)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
  renameSync(partial, file)
}

function header(metadata: Readonly<Record<string, MetadataValue>>, tensors: readonly Tensor[]): Buffer {
  const entries = Object.entries(metadata)
  const parts = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(entries.length)]
  for (const [key, value] of entries) parts.push(text(key), encodeMetadata(value))
  let offset = 0
  for (const tensor of tensors) {
    parts.push(text(tensor.name), uint32(tensor.shape.length), ...tensor.shape.map(uint64))
    parts.push(uint32(encodings[tensor.type].id), uint64(offset))
    offset += tensorBytes(tensor) + padding(tensorBytes(tensor))
  }
  return Buffer.concat(parts)
}

function tensorBytes({ name, shape, type }: Tensor): number {
  const { blockValues, blockBytes } = encodings[type]
  const row = shape[0] ?? 0
  if (row % blockValues !== 0) {
    throw new Error(`${name}: rows of ${row} values do not divide into ${type} blocks of ${blockValues}`)
  }
  return (count(shape) / blockValues) * blockBytes
}

function writeTensor(descriptor: number, tensor: Tensor): void {
  const { encode } = encodings[tensor.type]
  const buffer = new Float32Array(Math.min(chunkValues, count(tensor.shape)))
  for (let left = count(tensor.shape); left > 0;) {
    const values = buffer.subarray(0, Math.min(left, buffer.length))
    tensor.fill(values)
    writeAll(descriptor, encode(values))
    left -= values.length
  }
  writeAll(descriptor, new Uint8Array(padding(tensorBytes(tensor))))
}

function writeAll(descriptor: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
  return bytes.length
}

/** 32 values share a scale (F16) and are 8 bits each: `block_q8_0` in ggml-common.h. */
function encodeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / 32
  const out = Buffer.alloc(blocks * 34)
  const scaleOf = new Float16Array(1)
  const scaleBytes = bytesOf(scaleOf)
  for (let block = 0; block < blocks; block++) {
    const start = block * 32
    let largest = 0
    for (let index = start; index < start + 32; index++) largest = Math.max(largest, Math.abs(values[index] ?? 0))
    scaleOf[0] = largest / 127
    out.set(scaleBytes, block * 34)
    const inverse = largest === 0 ? 0 : 127 / largest
    for (let index = 0; index < 32; index++) {
      out.writeInt8(Math.round((values[start + index] ?? 0) * inverse), block * 34 + 2 + index)
    }
  }
  return out
}

/** enum gguf_metadata_value_type */
const types = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 }

function encodeMetadata(value: MetadataValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([uint32(types.string), text(value)])
  if (typeof value === 'boolean') return Buffer.concat([uint32(types.bool), Buffer.from([value ? 1 : 0])])
  if (isTexts(value)) return Buffer.concat([arrayHead(types.string, value.length), ...value.map(text)])
  if ('uint32' in value) return Buffer.concat([uint32(types.uint32), uint32(value.uint32)])
  if ('float32' in value) return Buffer.concat([uint32(types.float32), bytesOf(new Float32Array([value.float32]))])
  if ('int32s' in value) {
    return Buffer.concat([arrayHead(types.int32, value.int32s.length), bytesOf(new Int32Array(value.int32s))])
  }
  return Buffer.concat([arrayHead(types.float32, value.float32s.length), bytesOf(new Float32Array(value.float32s))])
}

function isTexts(value: MetadataValue): value is readonly string[] {
  return Array.isArray(value)
}

function arrayHead(type: number, length: number): Buffer {
  return Buffer.concat([uint32(types.array), uint32(type), uint64(length)])
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

export function uint32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}

export function uint64(value: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(value))
  return out
}

/** GGUF is little-endian, and so is every machine that Node 24 runs on but one (s390x). */
function bytesOf(values: Float32Array | Float16Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function padding(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}
