// `kill -9` of one model's process, whatever it is doing: its own requests fail, nobody else's do, and it comes back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tinyModel, writeRandomModel } from '../../benchmarks/random-model.ts'
import { startTestServer, until, type TestServer } from '../server-fixture.ts'

/** Takes seconds to evaluate a prompt that fills its context. */
const slow = { ...tinyModel, layers: 8, embedding: 512, heads: 8, headsKv: 8, feedForward: 2048, contextTokens: 8192 }
const longPrompt = Array.from({ length: 7000 }, (_, index) => 1 + (index % 250))

interface Row {
  readonly model: string
  readonly pid?: number
  readonly state: string
  readonly outstanding: number
  readonly waitingForLoad: number
  readonly stats?: {
    readonly running: number
    readonly outputTokens: number
    readonly freeSlots: number
    readonly steps: number
  }
}

let server: TestServer
const folder = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
const seen = new Set<number>()

beforeAll(async () => {
  writeRandomModel(slow, join(folder, 'slow.gguf'))
  writeRandomModel(tinyModel, join(folder, 'late.gguf'))
  const file = join(folder, 'inferloom.yaml')
  writeFileSync(file, 'models:\n  slow: { file: slow.gguf }\n  late: { file: late.gguf, preload: false }\n')
  server = await startTestServer({ INFERLOOM_PARALLEL: '4' }, file)
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
  expect([...seen].filter(isAlive)).toEqual([])
})

async function pool(): Promise<{ rows: Map<string, Row>; usedBytes: number }> {
  const report = (await (await server.get('/admin/engine')).json()) as { data: Row[]; pool: { usedBytes: number } }
  for (const { pid } of report.data) if (pid !== undefined) seen.add(pid)
  return { rows: new Map(report.data.map((row) => [row.model, row])), usedBytes: report.pool.usedBytes }
}

async function rowOf(model: string): Promise<Row> {
  const row = (await pool()).rows.get(model)
  if (!row) throw new Error(`there is no model ${model}`)
  return row
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Kills the process of a model once it is so, and waits until it is gone. */
async function killOnce(model: string, what: string, isSo: (row: Row) => boolean): Promise<void> {
  let pid: number | undefined
  await until(what, async () => {
    const row = await rowOf(model)
    pid = isSo(row) ? row.pid : undefined
    return pid !== undefined && process.kill(pid, 'SIGKILL')
  })
  await until('it is gone', () => !isAlive(pid ?? 0))
}

const brief = (model: string) =>
  server.client.completions.create({ model, prompt: 'a b', max_tokens: 4, temperature: 0 })

/** Does it while another model answers a stream, which goes on to its end. */
async function beside<T>(work: () => Promise<T>): Promise<T> {
  // The tokens that would end the answer are forbidden.
  const body = { model: 'loom-mini', prompt: 'Once', max_tokens: 600, logit_bias: { 0: -100, 2: -100 } }
  const stream = await server.client.completions.create({ ...body, stream: true })
  const reading = Array.fromAsync(stream)
  const result = await work()
  const finished = (await reading).flatMap(({ choices }) => choices.flatMap((choice) => choice.finish_reason ?? []))
  expect(finished).toEqual(['length'])
  return result
}

async function leavesNothingBehind(model: string): Promise<void> {
  const { usedBytes } = await pool()
  await until('the engine is back', async () => (await rowOf(model)).state === 'ready')
  expect((await brief(model)).choices[0]?.finish_reason).toBe('length')
  expect(await rowOf(model)).toMatchObject({ outstanding: 0, waitingForLoad: 0, stats: { running: 0, freeSlots: 4 } })
  expect((await pool()).usedBytes).toBe(usedBytes)
}

test('while it evaluates a prompt', async () => {
  await beside(async () => {
    const asked = [1, 2].map(() =>
      server.client.completions.create({ model: 'slow', prompt: longPrompt, max_tokens: 9 }),
    )
    const failed = Promise.allSettled(asked)
    await killOnce('slow', 'it evaluates', ({ stats }) => Boolean(stats && stats.running > 0 && stats.steps > 0))
    for (const each of await failed) {
      expect(each).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'engine_failed' } })
    }
  })
  await leavesNothingBehind('slow')
})

test('while it writes an answer, and another request waits for a slot', async () => {
  await beside(async () => {
    const body = { model: 'slow', prompt: 'a b', logit_bias: { 511: -100, 509: -100 }, max_tokens: 8000 }
    const asked = Array.from({ length: 5 }, () => server.client.completions.create(body))
    const failed = Promise.allSettled(asked)
    await killOnce('slow', 'it writes', ({ stats, outstanding }) => {
      return outstanding === 5 && Boolean(stats && stats.freeSlots === 0 && stats.outputTokens > 8)
    })
    for (const each of await failed) {
      expect(each).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'engine_failed' } })
    }
  })
  await leavesNothingBehind('slow')
})

test('while it is loaded', async () => {
  const { usedBytes } = await pool()
  await beside(async () => {
    const failed = Promise.allSettled([brief('late'), brief('late')])
    await killOnce('late', 'it is being loaded', ({ state }) => state === 'starting')
    for (const each of await failed) {
      expect(each).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'engine_failed' } })
    }
    expect((await pool()).usedBytes).toBe(usedBytes)
    await brief('late') // the next request loads it
  })
  await leavesNothingBehind('late')
})
