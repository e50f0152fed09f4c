import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { compare } from '../compare.ts'
import { fitLinear, fitSaturation, valueOf } from '../fits.ts'
import { lessonsOf } from '../lessons.ts'
import type { BenchResult, StageResult } from '../result.ts'
import type { Distribution, Estimate } from '../statistics.ts'
import { chartsOf } from './charts.ts'
import { csvOf } from './csv.ts'
import { htmlOf } from './html.ts'
import { markdownOf } from './markdown.ts'

const about = (value: number): Estimate => ({ value, low: value * 0.95, high: value * 1.05 })

function distribution(value: number): Distribution {
  const [p50, p90, p95, p99] = [1, 1.5, 1.7, 2].map((factor) => about(value * factor)) as [
    Estimate,
    Estimate,
    Estimate,
    Estimate,
  ]
  return { count: 100, mean: value, p50, p90, p95, p99, most: value * 3 }
}

function stage(x: number, more: Partial<StageResult> = {}): StageResult {
  return {
    name: `${x} at a time`,
    model: 'm',
    x,
    sent: 100,
    completed: 100,
    failed: 0,
    unfinished: 0,
    errors: {},
    windowSeconds: 10,
    requestsPerSecond: about(10),
    outputTokensPerSecond: about((1000 * x) / (4 + x)),
    promptTokensPerSecond: 100,
    ttft: distribution(20 * x),
    tpot: distribution(4 + x),
    itl: distribution(4 + x),
    latency: distribution(500 + 60 * x),
    promptTokens: 12_800,
    cachedTokens: 0,
    outputTokens: 6400,
    latenessP99: 0,
    mostInFlight: x,
    warnings: [],
    series: {
      spanMs: 1000,
      outputTokensPerSecond: [1, 2],
      requestsPerSecond: [1, 1],
      failed: [0, 0],
      ttft: [5, null],
      inFlight: [1, 1],
    },
    ...more,
  }
}

function result(stages: readonly StageResult[], kind: 'concurrency' | 'prompt-length' = 'concurrency'): BenchResult {
  const sweep = {
    kind,
    title: 'A sweep',
    workload: 'synthetic',
    stages,
    fits: [],
    lessons: lessonsOf(kind, { stages, fits: [] }),
  }
  return {
    inferloomBench: 1,
    command: 'inferloom bench',
    startedAt: '2026-01-01T00:00:00.000Z',
    tookSeconds: 20,
    client: 'here',
    target: 'http://127.0.0.1:1',
    dialect: 'openai-chat',
    seed: 1,
    slo: {},
    tokenCounts: 'as the server reports them',
    notes: [],
    isInterrupted: false,
    sweeps: [sweep],
  }
}

const hostile = '</script><script>alert(1)</script>|=1+1,"\n`'
const evil = result([
  stage(1, { name: hostile, model: hostile, errors: { [hostile]: 2 }, warnings: [hostile] }),
  stage(4),
])

describe('reports hold the numbers, and nothing that a server could put into them', () => {
  test('HTML: its own scripts only, and these parse', () => {
    const page = htmlOf(evil)
    expect(page).not.toContain('alert(1)</script>')
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script = '']) => script)
    expect(scripts).toHaveLength(2)
    expect(page.match(/<\/?script>/g)).toHaveLength(4)
    // No network: everything is in the page.
    expect(page).not.toMatch(/(?:src|href)=|@import|url\(/)
    const drawn: unknown[][] = []
    const places = Array.from({ length: 7 }, (_, index) => ({ dataset: { chart: String(index) }, clientWidth: 300 }))
    const browser = {
      // Called with `new`, as the library is.
      uPlot: function draw(options: { series: unknown[] }, data: unknown[]) {
        drawn.push(data)
        expect(options.series).toHaveLength(data.length)
      },
      document: { querySelectorAll: () => places, documentElement: {} },
      getComputedStyle: () => ({ getPropertyValue: () => '#000' }),
      matchMedia: () => ({ addEventListener: () => {} }),
      ResizeObserver: class {
        observe(): void {}
      },
    }
    runInNewContext(scripts[1] ?? '', browser)
    expect(drawn).toHaveLength(7)
    expect(drawn[1]).toEqual([
      [1, 4],
      [200, 500],
    ])
  })

  test('Markdown: no table is broken', () => {
    const text = markdownOf(evil)
    expect(text).toContain('\\</script\\>')
    const columns = text
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.match(/(?<!\\)\|/g)?.length)
    expect(new Set(columns).size).toBeLessThanOrEqual(3)
    expect(text).toMatch(/\| 4 at a time \| TTFT \| 80\.0 ms \| 80\.0 ms \(76\.0–84\.0\) \|/)
  })

  test('CSV: no formula, and as many fields in each line', () => {
    const [head = '', ...lines] = csvOf(result([stage(1, { name: '=1+1' }), stage(4, { name: 'a "b", c' })]))
      .trim()
      .split('\n')
    expect(lines[0]).toMatch(/^concurrency,'=1\+1,m,1,100,100,0,0,10,10,200,/)
    expect(lines[1]).toMatch(/^concurrency,"a ""b"", c",m,4,/)
    expect(lines[0]?.split(',')).toHaveLength(head.split(',').length)
  })
})

test('what a sweep teaches, in words', () => {
  const batching = result([1, 4, 16].map((x) => stage(x))).sweeps[0]?.lessons.join(' ')
  expect(batching).toContain(
    'with 16 requests at a time the server writes 800 tokens a second, 4.0 × what it does with 1 (200)',
  )
  expect(batching).toContain('20.0 ms a token instead of 5.0 ms (4.0 ×)')
  const lengths = [64, 768].map((x) => stage(x, { promptTokens: x * 100, ttft: distribution(x / 4) }))
  expect(result(lengths, 'prompt-length').sweeps[0]?.lessons[0]).toContain(
    'a prompt of 768 tokens takes 192 ms to the first token, one of 64 takes 16.0 ms (12 ×)',
  )
  const flat = [1, 8].map((x) => stage(x, { outputTokensPerSecond: about(300) }))
  expect(result(flat).sweeps[0]?.lessons[0]).toContain('gained nothing')
  // Nothing is learnt from what failed.
  expect(result([stage(1), stage(2, { completed: 0 })]).sweeps[0]?.lessons).toEqual([])
})

describe('curves', () => {
  test('a line through points of a line', () => {
    const fit = fitLinear('ttft-by-prompt-tokens', 'm', [
      [0, 5],
      [100, 25],
      [300, 65],
    ])
    expect(fit).toMatchObject({ form: 'linear', points: 3 })
    expect([fit?.a, fit?.b, fit?.r2].map((each) => each?.toFixed(6))).toEqual(['5.000000', '0.200000', '1.000000'])
    expect(fit && valueOf(fit, 50)).toBeCloseTo(15, 6)
  })
  test('a saturating throughput', () => {
    const fit = fitSaturation(
      'tokens-per-second-by-concurrency',
      'm',
      [1, 2, 4, 16].map((x) => [x, x / (0.01 + 0.002 * x)]),
    )
    expect([fit?.a.toFixed(6), fit?.b.toFixed(6), fit?.r2.toFixed(3)]).toEqual(['0.010000', '0.002000', '1.000'])
  })
  test('none through too few points', () => {
    expect(
      fitLinear('ttft-by-prompt-tokens', 'm', [
        [1, 1],
        [2, 2],
      ]),
    ).toBeUndefined()
    expect(
      fitLinear('ttft-by-prompt-tokens', 'm', [
        [1, 1],
        [1, 2],
        [1, 3],
      ]),
    ).toBeUndefined()
  })
})

test('plots leave out stages in which nothing came', () => {
  const [sweep] = result([stage(1), stage(2), stage(4, { completed: 0 })]).sweeps
  expect(sweep && chartsOf(sweep)[1]?.x).toEqual([1, 2])
})

test('a comparison tells what is more than the noise, and which way', () => {
  const faster = stage(4, { ttft: distribution(40), outputTokensPerSecond: about(505) })
  const { differences, unmatched } = compare(result([stage(1), stage(4)]), result([stage(2), faster]))
  expect(unmatched).toEqual(['concurrency: 1 at a time', 'concurrency: 2 at a time'])
  const verdict = (metric: string) => differences.find((each) => each.metric === metric)
  expect(verdict('TTFT p50')).toMatchObject({ verdict: 'better', change: -0.5 })
  expect(verdict('output tokens/s')).toMatchObject({ verdict: 'within the noise' })
  // A hundred requests tell a p90 from another, not a p99.
  expect(verdict('TTFT p90')).toMatchObject({ verdict: 'better' })
  expect(verdict('TTFT p99')).toBeUndefined()
  const [back] = compare(result([faster]), result([stage(4)])).differences.filter(({ metric }) => metric === 'TTFT p50')
  expect(back).toMatchObject({ verdict: 'worse', change: 1 })
})
