// What users type and the files they name.
import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/server-fixture.ts'
import { arrivalTimes, type Arrivals } from './arrivals.ts'
import { brokenText, readDataFile } from './data-file.ts'
import { readRow } from './data-rows.ts'
import { recordedTimes } from './data-workload.ts'
import { parseDuration } from './durations.ts'
import { parseLengths } from './lengths.ts'
import { readResult } from './read-result.ts'
import { seededRandom } from './seeded-random.ts'
import { meets, parseSlo } from './slo.ts'
import { syntheticWorkload } from './synthetic.ts'

describe('lengths', () => {
  test.each([
    ['200', 200, [200]],
    ['100-300', 200, [100, 300]],
    ['choice:64,512', 288, [64, 512]],
    ['normal:200,50', 200, [1, 500]],
  ])('%s', (text, mean, range) => {
    const [lengths, random] = [parseLengths(text, '--x'), seededRandom(5)]
    const drawn = Array.from({ length: 4000 }, () => lengths.draw(random))
    expect(lengths.mean).toBe(mean)
    expect(Math.abs(drawn.reduce((sum, each) => sum + each, 0) / 4000 / mean - 1)).toBeLessThan(0.05)
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(Math.min(...range))
    expect(Math.max(...drawn)).toBeLessThanOrEqual(Math.max(...range))
    expect(drawn.every(Number.isInteger)).toBe(true)
  })

  test.each(['', '0', '-5', '300-100', 'normal:0,5', '1e3', 'choice:', 'choice:0,5', '2000000', '5-', 'NaN'])(
    '%j is refused with the forms there are',
    (text) => {
      expect(() => parseLengths(text, '--prompt-tokens')).toThrow(/--prompt-tokens = '.*normal:200,50/)
    },
  )
})

test.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['2m', 120_000],
])('%s is a duration', (text, expected) => {
  expect(parseDuration(text, '--time')).toBe(expected)
})

test.each(['5', 's', '-1s', '99h', '1e3s', ''])('%j is no duration', (text) => {
  expect(() => parseDuration(text, '--time')).toThrow(/--time.*500ms/)
})

test('targets', () => {
  const slo = parseSlo('ttft:500ms, tpot:50ms,e2e:5s')
  expect(slo).toEqual({ ttft: 500, tpot: 50, latency: 5000 })
  expect(meets({ ttft: 500, tpot: 50, latency: 5000 }, slo)).toBe(true)
  expect(meets({ ttft: 501, tpot: 1, latency: 600 }, slo)).toBe(false)
  // One token has no time per further token.
  expect(meets({ ttft: 1, latency: 1 }, slo)).toBe(true)
  expect(() => parseSlo('speed:5s')).toThrow(/no 'speed'/)
  expect(() => parseSlo('ttft')).toThrow(/--slo/)
})

describe('arrivals', () => {
  const first = (arrivals: Arrivals, count: number) => {
    const times = arrivalTimes(arrivals, seededRandom(9))
    return Array.from({ length: count }, () => times.next().value as number)
  }
  test('fixed and bursts', () => {
    expect(first({ pattern: 'fixed', rate: 4 }, 4)).toEqual([0, 250, 500, 750])
    expect(first({ pattern: 'burst', rate: 4, size: 2 }, 5)).toEqual([0, 0, 500, 500, 1000])
  })
  test('Poisson: the mean gap is that of the rate, and gaps vary as much as they are long', () => {
    const times = first({ pattern: 'poisson', rate: 50 }, 20_000)
    const gaps = times.map((at, index) => at - (times[index - 1] ?? 0))
    const mean = gaps.reduce((sum, each) => sum + each, 0) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, each) => sum + (each - mean) ** 2, 0) / gaps.length)
    expect(mean).toBeCloseTo(20, -0.5)
    expect(deviation / mean).toBeCloseTo(1, 1)
  })
})

describe('synthetic prompts', () => {
  const calibration = {
    tokensPerWord: 2,
    overheadTokens: 10,
    countsTokens: true,
    manner: { keepWriting: { ignore_eos: true } },
  }
  const prompts = (sharedPrefix: number, count: number) => {
    const [prompt, output] = [parseLengths('110', ''), parseLengths('5', '')]
    const workload = syntheticWorkload({ prompt, output, sharedPrefix, random: seededRandom(2), calibration })
    return Array.from({ length: count }, () => workload.next().messages[0]?.content.split(' ') ?? [])
  }
  test('have as many words as tokens need, and share what they should', () => {
    const [one = [], other = []] = prompts(0.5, 2)
    expect([one.length, other.length]).toEqual([50, 50])
    expect(one.slice(0, 25)).toEqual(other.slice(0, 25))
    expect(one.slice(25)).not.toEqual(other.slice(25))
  })
  test('without a share none begins like another', () => {
    const beginnings = prompts(0, 500).map((words) => words.slice(0, 5).join(' '))
    expect(new Set(beginnings).size).toBe(500)
  })
})

describe('data files', () => {
  test.each([
    [
      { prompt: 'Hi', output_tokens: 7 },
      { messages: [{ role: 'user', content: 'Hi' }], outputTokens: 7 },
    ],
    [
      {
        conversations: [
          { from: 'human', value: 'Q' },
          { from: 'gpt', value: 'four words of it' },
          { from: 'human', value: 'more' },
        ],
      },
      { messages: [{ role: 'user', content: 'Q' }], outputTokens: 4 },
    ],
    [
      {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: [{ type: 'text', text: 'u' }] },
        ],
        expected: ['Paris'],
      },
      {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: 'u' },
        ],
        expected: ['Paris'],
      },
    ],
    [
      { timestamp: 27, input_length: 6758, output_length: 500, hash_ids: [0] },
      { at: 27, promptTokens: 6758, outputTokens: 500 },
    ],
    [
      { received_at: 1700, prompt_tokens: 9, output_tokens: 3, model: 'm' },
      { at: 1700, promptTokens: 9, outputTokens: 3 },
    ],
    [
      { prompt: 'x', timestamp: '2026-01-01T00:00:01Z' },
      { messages: [{ role: 'user', content: 'x' }], at: 1767225601000 },
    ],
  ])('%j', (row, expected) => {
    expect(readRow(row)).toEqual(expected)
  })

  test('broken lines are left out and named by their number', async () => {
    const file = join(temporaryFolder(), 'data.jsonl')
    writeFileSync(file, '{"prompt":"a"}\n\n{"prompt":\n7\n{"text":"?"}\n{"prompt":"b"}\n')
    const data = await readDataFile(file, '--data')
    expect(data.rows).toHaveLength(2)
    expect(brokenText(file, data)).toBe(
      `3 of 5 lines of ${file} were left out: line 3 is not JSON, line 4 is not an object, line 5 has no prompt.`,
    )
  })

  test.each([
    ['', /is empty/],
    ['\n \n', /is empty/],
    ['nonsense\n', /no usable line: line 1 is not JSON/],
    ['[{"prompt":"a"},', /the whole file is not JSON/],
  ])('%j is refused', async (text, expected) => {
    const file = join(temporaryFolder(), 'data.json')
    writeFileSync(file, text)
    await expect(readDataFile(file, '--data')).rejects.toThrow(expected)
  })

  test('a JSON array, as ShareGPT comes', async () => {
    const file = join(temporaryFolder(), 'data.json')
    writeFileSync(file, JSON.stringify([{ prompt: 'a' }, 5, { prompt: 'b' }], null, 2))
    const data = await readDataFile(file, '--data')
    expect([data.rows.length, data.broken]).toEqual([2, ['element 2 is not an object']])
  })

  test('any JSON is a row or an error that says what is wrong', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          const { messages, promptTokens } = readRow(value)
          expect(messages ?? promptTokens).toBeDefined()
        } catch (error) {
          expect((error as Error).message).toMatch(/is not an object|has no prompt/)
        }
      }),
    )
  })

  test('recorded times begin with the first and keep their order and distances', () => {
    const rows = [{ at: 3000 }, { at: 1000 }, {}, { at: 1500 }].map((row) => ({ promptTokens: 5, ...row }))
    expect(recordedTimes('f', rows, 2).times).toEqual([0, 250, 1000])
    expect(() => recordedTimes('f', [{ promptTokens: 5 }], 1)).toThrow(/--replay.*timestamp/)
  })
})

test.each([
  ['[]', /is not a result of inferloom bench/],
  ['{"inferloomBench":1}', /is not a result.*command/],
  ['{', /is not JSON/],
  [JSON.stringify({ inferloomBench: 9, command: '', startedAt: '', target: '', sweeps: [] }), /of version 9/],
])('%s is no kept result', (text, expected) => {
  const file = join(temporaryFolder(), 'run.json')
  writeFileSync(file, text)
  expect(() => readResult(file)).toThrow(expected)
  expect(() => readResult(`${file}.none`)).toThrow(/cannot be read/)
})
