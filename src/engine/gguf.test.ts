import { copyFileSync, globSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import koffi from 'koffi'
import { expect, test } from 'vitest'
import { InferloomError } from '../canonical/errors.ts'
import { temporaryFolder } from '../../test/server-fixture.ts'
import { writeGguf } from '../../test/gguf-fixture.ts'
import { findLibraries } from './binding/library-folder.ts'
import { readGguf, readSplitGguf } from './gguf.ts'
import { tensorTypes } from './tensor-types.ts'

const loomMini = fileURLToPath(new URL('../../test/fixtures/models/first-proof.gguf', import.meta.url))

test('a model is read as it was made', () => {
  expect(readGguf(loomMini)).toMatchObject({
    version: 3,
    architecture: 'llama',
    contextTokens: 1024,
    layers: 6,
    embedding: 256,
    heads: 8,
    headsKv: [4, 4, 4, 4, 4, 4],
    keyLength: 32,
    valueLength: 32,
    vocabulary: 1536,
    quantisation: 'Q8_0',
    parameters: 4_525_312,
    weightBytes: 4_817_920,
    hasChatTemplate: true,
    tokenizer: 'gpt2',
    splitCount: 1,
    causal: true,
  })
})

test('every tensor type has the size that ggml gives it', () => {
  const [file = ''] = globSync(join(findLibraries()[0]?.path ?? '', '*ggml-base*'))
  const ggml = koffi.load(file)
  const nameOf = ggml.func('const char *ggml_type_name(int)') as (type: number) => string
  const bytesOf = ggml.func('size_t ggml_type_size(int)') as (type: number) => number
  const valuesOf = ggml.func('int64_t ggml_blck_size(int)') as (type: number) => number
  expect(tensorTypes.size).toBeGreaterThan(30)
  for (const [id, { name, blockValues, blockBytes }] of tensorTypes) {
    expect([id, nameOf(id).toUpperCase(), valuesOf(id), bytesOf(id)]).toEqual([id, name, blockValues, blockBytes])
  }
})

test('a file that was cut short says how much of it is missing', () => {
  const file = join(temporaryFolder(), 'cut.gguf')
  copyFileSync(loomMini, file)
  truncateSync(file, 4_868_223)
  expect(() => readGguf(file)).toThrow(
    /cut\.gguf is not a whole GGUF file: the file has 4,868,223 bytes, its header promises 4,868,224/,
  )
  truncateSync(file, 1000)
  expect(() => readGguf(file)).toThrow(
    /cut\.gguf is not a whole GGUF file: 'tokenizer\.ggml\.tokens' should have 1536 texts, \d+ bytes are left/,
  )
})

const noBytes: Buffer = Buffer.alloc(0)

/** A header that lies about one count or length. */
const liars: readonly [what: string, bytes: Buffer, complaint: RegExp][] = [
  ['no magic', Buffer.from('GGML'.padEnd(64)), /does not begin with "GGUF"/],
  ['nothing', Buffer.alloc(0), /it has 0 bytes/],
  ['version 1', header({ version: 1 }), /its version is 1, not 2 or 3/],
  ['big-endian', header({ version: 3 << 24 }), /big-endian/],
  ['2^60 tensors', header({ tensors: 2n ** 60n }), /the number of tensors is/],
  ['2^63 properties', header({ pairs: 2n ** 63n }), /the number of its properties is/],
  ['a million properties', header({ pairs: 1_000_000n }), /16384 is the most that is read/],
  [
    'a key of 2^40 bytes',
    header({ pairs: 1n, rest: u64s(2n ** 40n) }),
    /the name of property 0 should be 1099511627776/,
  ],
  [
    'an array of 2^50 texts',
    header({ pairs: 1n, rest: array(8, 2n ** 50n) }),
    /'k' should have 1125899906842624 texts/,
  ],
  ['an array of 2^50 numbers', header({ pairs: 1n, rest: array(4, 2n ** 50n) }), /'k' should have .* values/],
  ['an array of arrays', header({ pairs: 1n, rest: array(9, 1n) }), /an array of the unknown type 9/],
]

test.each(liars)('%s is refused', (_, bytes, complaint) => {
  const file = join(temporaryFolder(), 'liar.gguf')
  writeFileSync(file, bytes)
  expect(() => readGguf(file)).toThrow(complaint)
  expect(() => readGguf(file)).toThrow(expect.objectContaining({ code: 'model_file_invalid' }) as Error)
})

test('whatever is done to a file, it is read or refused', () => {
  const whole = readFileSync(loomMini)
  const headerBytes = 60_000
  const file = join(temporaryFolder(), 'mutated.gguf')
  const damage = fc.record({
    length: fc.integer({ min: 0, max: headerBytes }),
    // Most of the lengths and counts of the header stand near its start and its end.
    writes: fc.array(
      fc.tuple(
        fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: headerBytes })),
        fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.constant(new Uint8Array(8).fill(255))),
      ),
      { maxLength: 8 },
    ),
    cut: fc.boolean(),
  })
  fc.assert(
    fc.property(damage, ({ length, writes, cut }) => {
      const bytes = Buffer.from(whole.subarray(0, cut ? length : headerBytes))
      for (const [at, what] of writes)
        bytes.set(what.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
      writeFileSync(file, bytes)
      if (!cut) truncateSync(file, whole.length)
      try {
        const { parameters, headsKv } = readGguf(file)
        expect(parameters).toBeGreaterThanOrEqual(0)
        expect(headsKv.length).toBeLessThanOrEqual(1024)
      } catch (error) {
        expect(error).toBeInstanceOf(InferloomError)
      }
    }),
    { numRuns: 400 },
  )
})

test('a model in several files is one model', () => {
  const folder = temporaryFolder()
  const [first, second] = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'].map((name) => join(folder, name)) as [
    string,
    string,
  ]
  const q4k = 12
  writeGguf(first, {
    properties: {
      'general.architecture': 'qwen3',
      'general.file_type': 15,
      'qwen3.block_count': 2,
      'qwen3.embedding_length': 512,
      'qwen3.attention.head_count': 8,
      'qwen3.attention.head_count_kv': [2, 0],
      'qwen3.attention.key_length': 128,
      'qwen3.context_length': 40_960,
      'tokenizer.ggml.tokens': ['a', 'b', 'c'],
      'split.no': 0,
      'split.count': 2,
    },
    tensors: [{ name: 'a', shape: [256, 4], type: q4k, offset: 0 }],
    dataBytes: 4 * 144,
  })
  writeGguf(second, {
    properties: { 'split.no': 1, 'split.count': 2 },
    tensors: [{ name: 'b', shape: [256, 2], type: q4k, offset: 0 }],
    dataBytes: 2 * 144,
  })
  expect(readSplitGguf([first, second])).toMatchObject({
    architecture: 'qwen3',
    quantisation: 'Q4_K_M',
    parameters: 256 * 6,
    weightBytes: 144 * 6,
    headsKv: [2, 0],
    keyLength: 128,
    valueLength: 64,
    vocabulary: 3,
  })
  expect(() => readSplitGguf([first])).toThrow(/is the first of 2 files, and 1 are here/)
})

test('the quantisation is what the weights are made of, whatever the file claims', () => {
  const file = join(temporaryFolder(), 'm.gguf')
  const claims = (fileType: number, type: number, bytes: number) => {
    writeGguf(file, {
      properties: { 'general.architecture': 'llama', 'general.file_type': fileType },
      tensors: [{ name: 'w', shape: [256], type, offset: 0 }],
      dataBytes: bytes,
    })
    return readGguf(file).quantisation
  }
  expect(claims(15, 8, 8 * 34)).toBe('Q8_0')
  expect(claims(14, 12, 144)).toBe('Q4_K_S')
  expect(claims(22, 21, 110)).toBe('IQ3_XS')
  expect(() => claims(7, 99, 34)).toThrow(/type 99, which this version does not know/)
})

function header({ version = 3, tensors = 0n, pairs = 0n, rest = noBytes }): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.write('GGUF')
  bytes.writeUInt32LE(version, 4)
  return Buffer.concat([bytes, u64s(tensors, pairs), rest])
}

function array(type: number, count: bigint): Buffer {
  const types = Buffer.alloc(8)
  types.writeUInt32LE(9)
  types.writeUInt32LE(type, 4)
  return Buffer.concat([u64s(1n), Buffer.from('k'), types, u64s(count)])
}

function u64s(...values: bigint[]): Buffer {
  return Buffer.from(BigUint64Array.from(values).buffer)
}
