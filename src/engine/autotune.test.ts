import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../test/server-fixture.ts'
import { autotune } from './autotune.ts'
import { TuneFile } from './autotune-file.ts'
import { physicalCores } from './autotune-machine.ts'
import type { TunedPart } from './autotune-result.ts'
import { toEnd } from './autotune-worker.ts'
import { loadLibrary } from './binding/library.ts'
import { openWeights } from './binding/model.ts'

const file = fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url))
const everything: readonly TunedPart[] = ['threads', 'batchTokens', 'flashAttention']

describe('measuring', () => {
  const library = loadLibrary(() => {})
  const shape = { parallel: 1, prefillChunkTokens: 256, targetGapMs: 200, prefixCacheBytes: 0 }
  const weights = openWeights(library, { model: 'loom-mini', file, threads: 1, batchTokens: 256, ...shape }, [])
  const defaults = { threads: 1, batchTokens: 256, flashAttention: false }
  const options = { defaults, cores: 1, budgetMs: 20_000, affords: () => true }

  test('tries each value that there is, the default first, and decides for one of them', () => {
    const { tuning, trials } = toEnd(autotune(library.llama, weights, { ...options, parts: everything }))
    const tried = (part: TunedPart) => trials.filter((trial) => trial.part === part).map(({ value }) => value)
    expect(tried('threads')).toEqual([]) // one core leaves no choice
    expect(tuning.threads).toBe(1)
    expect(tried('flashAttention')).toEqual([false, true])
    expect(tried('batchTokens')).toEqual([256, 512, 1024])
    for (const part of ['batchTokens', 'flashAttention'] as const) {
      // Absent where a busy machine made it impossible to tell.
      if (tuning[part] !== undefined) expect(tried(part)).toContain(tuning[part])
    }
    for (const { milliseconds } of trials) if (milliseconds !== undefined) expect(milliseconds).toBeGreaterThan(0)
  })

  test('tries no threads beyond the cores, and only what was asked for', () => {
    const measured = toEnd(autotune(library.llama, weights, { ...options, cores: 2, parts: ['threads'] }))
    expect(measured.trials.map(({ part, value }) => [part, value])).toEqual([
      ['threads', 1],
      ['threads', 2],
    ])
    expect(Object.keys(measured.tuning)).not.toContain('batchTokens')
  })

  test('without time, the defaults are the answer, and nothing is tried', () => {
    const { tuning, trials } = toEnd(
      autotune(library.llama, weights, { ...options, cores: 2, parts: everything, budgetMs: 0 }),
    )
    expect(tuning).toEqual(defaults)
    expect(trials).toEqual([])
  })

  test('tries nothing that there is no memory for', () => {
    const affords = ({ batchTokens }: { batchTokens: number }) => batchTokens < 1024
    const { trials } = toEnd(autotune(library.llama, weights, { ...options, parts: ['batchTokens'], affords }))
    expect(trials.map(({ value }) => value)).toEqual([256, 512])
  })

  test('can be ended between two evaluations, and begun anew', () => {
    const first = autotune(library.llama, weights, { ...options, parts: ['flashAttention'] })
    for (let evaluations = 0; evaluations < 5; evaluations++) expect(first.next().done).toBe(false)
    first.return({ tuning: {}, trials: [] })
    expect(toEnd(autotune(library.llama, weights, { ...options, parts: ['flashAttention'] })).trials).toHaveLength(2)
  })
})

describe('the file', () => {
  const result = { tuning: { threads: 1 }, trials: [{ part: 'threads', value: 1, milliseconds: 5.5 }] } as const

  test('keeps what was measured, adds to it, and is read by others', () => {
    const path = join(temporaryFolder(), 'home', 'tune.json')
    const kept = new TuneFile(path)
    expect(kept.of(file)).toBeUndefined()
    kept.keep(file, 'loom-mini', result)
    kept.keep(file, 'loom-mini', { tuning: { flashAttention: true }, trials: [] })
    expect(new TuneFile(path).of(file)).toMatchObject({
      model: 'loom-mini',
      tuning: { threads: 1, flashAttention: true },
      trials: result.trials,
    })
    kept.keep(file, 'loom-mini', { tuning: { threads: 2 }, trials: [] })
    expect(new TuneFile(path).of(file)).toMatchObject({ tuning: { threads: 2, flashAttention: true }, trials: [] })
    expect(statSync(path).mode & 0o077).toBe(0)
    expect(readdirSync(join(path, '..'))).toEqual(['tune.json'])
  })

  test('a model whose file has changed was not measured', () => {
    const home = temporaryFolder()
    const model = join(home, 'model.gguf')
    writeFileSync(model, 'GGUF and more')
    const kept = new TuneFile(join(home, 'tune.json'))
    kept.keep(model, 'model', result)
    expect(kept.of(model)).toBeDefined()
    truncateSync(model, 5)
    expect(kept.of(model)).toBeUndefined()
    expect(kept.of(join(home, 'gone.gguf'))).toBeUndefined()
  })

  test.each([
    'nonsense',
    '[]',
    'null',
    '{"version":2,"entries":{}}',
    '{"version":1,"entries":null}',
    '{"version":1}',
    '{"version":1,"entries":{"KEY":null}}',
    '{"version":1,"entries":{"KEY":{"model":"m","date":"d","tuning":{"threads":100000},"trials":[]}}}',
    '{"version":1,"entries":{"KEY":{"model":"m","date":"d","tuning":{"constructor":1},"trials":[]}}}',
    '{"version":1,"entries":{"KEY":{"model":"m","date":"d","tuning":{},"trials":[null]}}}',
    '{"version":1,"entries":{"KEY":{"model":"m","date":"d","tuning":{},"trials":{}}}}',
  ])('damaged as %s it is read as empty, and written anew', (text) => {
    const path = join(temporaryFolder(), 'tune.json')
    const kept = new TuneFile(path)
    kept.keep(file, 'loom-mini', result)
    const [key = ''] = Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { entries: object }).entries)
    writeFileSync(path, text.replace('KEY', key))
    expect(kept.of(file)).toBeUndefined()
    kept.keep(file, 'loom-mini', result)
    expect(kept.of(file)).toMatchObject(result)
  })

  test('drops the oldest of more than it keeps', () => {
    const home = temporaryFolder()
    const kept = new TuneFile(join(home, 'tune.json'))
    const models = Array.from({ length: 258 }, (_, index) => join(home, `${index}.gguf`))
    for (const [index, model] of models.entries()) {
      writeFileSync(model, `GGUF${index}`)
      kept.keep(model, `${index}`, result)
    }
    expect(models.map((model) => kept.of(model) !== undefined).slice(0, 4)).toEqual([false, false, true, true])
    expect(kept.of(models.at(-1) ?? '')).toBeDefined()
  })
})

test('several threads of one core count once', () => {
  const cpus = temporaryFolder()
  for (const [cpu, siblings] of ['0,2', '1,3', '0,2', '1,3'].entries()) {
    mkdirSync(join(cpus, `cpu${cpu}`, 'topology'), { recursive: true })
    writeFileSync(join(cpus, `cpu${cpu}`, 'topology', 'thread_siblings_list'), `${siblings}\n`)
  }
  mkdirSync(join(cpus, 'cpufreq'))
  expect(physicalCores(cpus)).toBe(2)
  expect(physicalCores(join(cpus, 'none'))).toBeGreaterThan(0)
})
