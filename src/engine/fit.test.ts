import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeGguf } from '../../test/gguf-fixture.ts'
import { temporaryFolder } from '../../test/server-fixture.ts'
import { availableIn, availableMemory, groupFolders, reclaimableIn } from './available-memory.ts'
import { estimateMemory, fitOn, refuseUnlessItFits } from './fit.ts'
import { readGguf } from './gguf.ts'

const loomMini = readGguf(fileURLToPath(new URL('../../test/fixtures/models/first-proof.gguf', import.meta.url)))
const mib = 1024 ** 2

// What llama.cpp reports of the built-in model without flash attention: "KV buffer size", "compute buffer size".
test.each([
  { contextTokens: 1024, parallel: 16, batchTokens: 512, kv: 48, compute: 291.01 },
  { contextTokens: 1024, parallel: 4, batchTokens: 512, kv: 12, compute: 75.01 },
  { contextTokens: 1024, parallel: 1, batchTokens: 512, kv: 3, compute: 21.01 },
  { contextTokens: 1024, parallel: 1, batchTokens: 256, kv: 3, compute: 10.5 },
])('the estimate for $parallel × $contextTokens tokens is what llama.cpp takes', ({ kv, compute, ...options }) => {
  const estimate = estimateMemory(loomMini, options)
  expect(estimate.weights / mib).toBeCloseTo(4.59, 1)
  expect(estimate.kvCache / mib).toBe(kv)
  expect(Math.abs(estimate.compute / mib - compute)).toBeLessThan(compute * 0.02)
})

test('the largest context that fits does fit, and one token more does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 32 }),
      fc.integer({ min: 1, max: 2048 }),
      fc.integer({ min: 0, max: 200 * mib }),
      (parallel, batchTokens, free) => {
        const options = { contextTokens: 1024, parallel, batchTokens }
        const { verdict, largestContext } = fitOn(estimateMemory(loomMini, options), free)
        const needs = (contextTokens: number) => estimateMemory(loomMini, { ...options, contextTokens }).total
        expect(verdict === 'too-big').toBe(needs(1024) > free)
        if (largestContext > 0) expect(needs(largestContext)).toBeLessThanOrEqual(free)
        if (largestContext < 1024) expect(needs(largestContext + 1)).toBeGreaterThan(free)
      },
    ),
  )
})

test('a model that is too big is refused with the numbers and what would fit', () => {
  // Eight billion parameters in Q8_0, in a file that takes no space.
  const file = join(temporaryFolder(), 'big.gguf')
  writeGguf(file, {
    properties: {
      'general.architecture': 'llama',
      'llama.block_count': 32,
      'llama.embedding_length': 4096,
      'llama.attention.head_count': 32,
      'llama.attention.head_count_kv': 8,
      'llama.context_length': 131_072,
      'llama.vocab_size': 128_256,
    },
    tensors: [{ name: 'w', shape: [4096, 1_953_125], type: 8, offset: 0 }],
    dataBytes: 8_500_000_000,
  })
  const refused = (options: object, free: number) => () =>
    refuseUnlessItFits(file, { batchTokens: 512, ...options }, free)
  expect(refused({}, 16e9)).toThrow(
    /^big\.gguf needs 34\.8 GB of memory with a context of 131,072 tokens: 8\.5 GB for its Q8_0 weights, 17\.2 GB for the KV cache and 9\.1 GB to compute\. 16\.0 GB are free\. Remedy: set its context to 36,352 tokens or fewer, or free some memory\.$/,
  )
  expect(refused({ contextTokens: 4096 }, 8e9)).toThrow(/8\.0 GB are free\. Remedy: take it in Q6_K, which fits, or/)
  expect(refused({ contextTokens: 4096 }, 1e9)).toThrow(/Remedy: take a smaller model, or free some memory/)
  expect(refused({ contextTokens: 4096 }, 1e9)).toThrow(expect.objectContaining({ code: 'model_too_big' }) as Error)
  expect(refused({ contextTokens: 4096 }, 12e9)).not.toThrow()
})

test('available memory counts what the kernel could free, inside the limits around this process', () => {
  expect(availableIn('MemTotal: 8 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n')).toBe(2048 * 1024)
  expect(availableIn('MemTotal: 8 kB\n')).toBeUndefined()
  expect(groupFolders('0::/a/b\n')).toEqual(['/sys/fs/cgroup/a', '/sys/fs/cgroup/a/b', '/sys/fs/cgroup'])
  expect(groupFolders('0::/../../etc\n')).toEqual(['/sys/fs/cgroup/etc', '/sys/fs/cgroup'])
  expect(groupFolders('4:memory:/docker/x\n')).toEqual([])
  expect(reclaimableIn('anon 5\ninactive_file 10\nactive_file 20\nfile 100\n')).toBe(30)
  const available = availableMemory()
  expect(available).toBeGreaterThan(0)
  if (process.platform === 'linux') {
    const total = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
    expect(available).toBeLessThanOrEqual(Number(total) * 1024)
  }
})
