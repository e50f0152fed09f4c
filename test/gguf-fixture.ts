// Writes small GGUF files, whole or as one of several, for what no file at hand shows.
// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { text, uint32, uint64 } from '../benchmarks/gguf-writer.ts'

type Property = number | string | boolean | readonly number[] | readonly string[]

export interface GgufContents {
  readonly version?: number
  readonly properties: Readonly<Record<string, Property>>
  readonly tensors: readonly { name: string; shape: readonly number[]; type: number; offset: number }[]
  /** Bytes after the header; nothing is written there, so they take no space on the disk. */
  readonly dataBytes: number
}

const types = { u32: 4, bool: 7, string: 8, array: 9 }

export function writeGguf(file: string, { version = 3, properties, tensors, dataBytes }: GgufContents): void {
  const pairs = Object.entries(properties)
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(version),
    uint64(tensors.length),
    uint64(pairs.length),
    ...pairs.flatMap(([key, value]) => [text(key), ...property(value)]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      text(name),
      uint32(shape.length),
      ...shape.map(uint64),
      uint32(type),
      uint64(offset),
    ]),
  ])
  const descriptor = openSync(file, 'w')
  writeSync(descriptor, header)
  ftruncateSync(descriptor, Math.ceil(header.length / 32) * 32 + dataBytes)
  closeSync(descriptor)
}

function property(value: Property): Buffer[] {
  if (typeof value === 'number') return [uint32(types.u32), uint32(value)]
  if (typeof value === 'boolean') return [uint32(types.bool), Buffer.from([Number(value)])]
  if (typeof value === 'string') return [uint32(types.string), text(value)]
  const isText = typeof value[0] === 'string'
  const elements = value.map((each) => (typeof each === 'string' ? text(each) : uint32(each)))
  return [uint32(types.array), uint32(isText ? types.string : types.u32), uint64(value.length), ...elements]
}
