// `npm run bench:ledger -- [--rows 10000000] [--keep <folder>]`: what a ledger of ten million rows takes to ask, what
// asking it does to the event loop, and what a row costs the request that it is about.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { Ledger } from '../src/gateway/ledger/ledger.ts'
import { Timings } from '../src/gateway/timings.ts'
import { requestColumns } from '../src/storage/ledger/columns.ts'
import type { PackedEntry } from '../src/storage/ledger/ledger-batch.ts'
import { LedgerWriter } from '../src/storage/ledger/ledger-writer.ts'
import { openStore } from '../src/storage/store.ts'
import type { RequestRow } from '../src/storage/tables.ts'
import { version } from '../src/version.ts'
import { markdown } from './report.ts'
import { seededRandom } from './seeded-random.ts'
import { median } from './statistics.ts'
import type { Section } from './workload.ts'

const { values: flags } = parseArgs({
  options: { rows: { type: 'string', default: '10000000' }, keep: { type: 'string' } },
})
const rows = Number(flags.rows)
const rowsPerBatch = 20_000
const days = 30
const dayMs = 86_400_000
const home = flags.keep ?? mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))

const began = performance.now()
const seconds = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${seconds().toFixed(0).padStart(4)} s  ${what}\n`)

process.once('exit', () => {
  if (flags.keep === undefined) rmSync(home, { recursive: true, force: true })
})

progress(`making ${rows.toLocaleString('en')} rows in ${home}`)
await (await openStore(home)).close()
const file = join(home, 'inferloom.db')
const built = build()

const store = await openStore(home)
const now = Date.now()
const asked = { since: now - days * dayMs, until: now }
progress('asking it')
const loop = monitorEventLoopDelay({ resolution: 1 })
loop.enable()
const cold = await timed(() => store.ledger.usage('model', asked))
const warm: number[] = []
for (let turn = 0; turn < 20; turn++) warm.push(await timed(() => store.ledger.usage('model', asked)))
const byKey = await timed(() => store.ledger.usage('key', asked))
const byHour = await timed(() => store.ledger.usage('hour', asked))
loop.disable()
const longestBlock = loop.max / 1e6 - 1
const { lines } = await store.ledger.usage('model', asked)
const counted = lines.reduce((sum, line) => sum + line.requests, 0)

progress('what a row costs its request')
await costPerRequest(true, 'w') // until it is compiled
const perRequest = await costPerRequest(true, 'r')
const withoutReplay = await costPerRequest(false, 'o')
progress('cleaning up a little')
const bounds = { since: 0, contentSince: 0, maxBytes: built.bytes * 0.999, now }
const steps: number[] = []
for (let more = true; more && steps.length < 30;) {
  const start = performance.now()
  more = (await store.ledger.sweep(bounds)).more
  steps.push(performance.now() - start)
}
await store.close()

const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`
const us = (value: number) => `${value.toFixed(1)} µs`
const sections: Section[] = [
  {
    title: `A ledger of ${rows.toLocaleString('en')} requests in ${days} days`,
    columns: ['what', 'measured'],
    rows: [
      [
        'written, with attempts and sums, by one thread',
        `${Math.round(rows / built.seconds).toLocaleString('en')} rows/s`,
      ],
      [
        'on the disk',
        `${(statSync(file).size / 1e9).toFixed(2)} GB, ${Math.round(statSync(file).size / rows)} bytes a row`,
      ],
      ['usage --by model, first time', ms(cold)],
      ['usage --by model, median of 20', ms(median(warm))],
      ['usage --by key', ms(byKey)],
      ['usage --by hour', ms(byHour)],
      ['longest block of the event loop meanwhile', ms(longestBlock)],
      ['one step of a clean-up, median and longest of 30', `${ms(median(steps))}, ${ms(Math.max(...steps))}`],
      ['requests that the sums know of', `${counted.toLocaleString('en')} of ${rows.toLocaleString('en')}`],
    ],
    bars: [
      { what: 'usage --by model over 30 days, first time', value: cold, unit: 'ms', atMost: 200 },
      { what: 'longest block of the event loop', value: longestBlock, unit: 'ms', atMost: 20 },
    ],
  },
  {
    title: 'What a row costs its request',
    columns: ['where', 'with hashes for replay', 'without'],
    rows: [
      ['on the event loop', us(perRequest.loop), us(withoutReplay.loop)],
      ['processor time of all threads', us(perRequest.all), us(withoutReplay.all)],
    ],
    notes: ['A conversation of 2.4 kB in four messages; rows are written in batches while others are made.'],
    bars: [{ what: 'a row, on the event loop', value: perRequest.loop, unit: 'µs', atMost: 40 }],
  },
]
const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: version,
  command: ['npm run bench:ledger --', ...process.argv.slice(2)].join(' '),
  date: new Date().toISOString().slice(0, 10),
  took: `${seconds().toFixed(0)} s`,
}
process.stdout.write(markdown(about, sections))

/** Rows as the product writes them, by its own writer, but in larger batches and without bodies. */
function build(): { seconds: number; bytes: number } {
  const db = new DatabaseSync(file)
  // Made to be thrown away: what a power cut would leave of it does not matter.
  db.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -64000')
  const writer = new LedgerWriter(db, () => new Uint8Array(32))
  const random = seededRandom(1)
  const first = Date.now() - days * dayMs
  const start = performance.now()
  let bytes = 0
  for (let at = 0; at < rows; at += rowsPerBatch) {
    const entries = Array.from({ length: Math.min(rowsPerBatch, rows - at) }, (_, index) =>
      madeUp(at + index, first + ((at + index) / rows) * days * dayMs, random),
    )
    bytes = writer.run({ task: 'write', entries }).totals.bytes
  }
  const took = (performance.now() - start) / 1000
  db.close()
  return { seconds: took, bytes }
}

/** Of twenty keys, five models at three providers. */
function madeUp(index: number, receivedAt: number, random: () => number): PackedEntry {
  const key = Math.floor(random() * 20)
  const model = Math.floor(random() * 5)
  const prompt = Math.floor(random() * 4000)
  const row: RequestRow = {
    id: `${Math.floor(receivedAt).toString(16).padStart(12, '0')}7${index.toString(16).padStart(19, '0')}`,
    received_at: Math.floor(receivedAt),
    key_id: `key_${key}`,
    key_name: `application ${key}`,
    team_id: `team_${key % 4}`,
    dialect: 'openai-chat',
    model: `provider-${model % 3}/model-${model}`,
    provider: `provider-${model % 3}`,
    served_model: `model-${model}`,
    reason: 'named with its provider',
    stream: index % 2,
    status: random() < 0.01 ? 502 : 200,
    prompt_tokens: prompt,
    cached_tokens: prompt >> 1,
    cache_write_tokens: null,
    cache_write_hour_tokens: null,
    audio_input_tokens: null,
    image_tokens: null,
    output_tokens: Math.floor(random() * 500),
    reasoning_tokens: 0,
    audio_output_tokens: null,
    usage_basis: 'reported',
    doubt: null,
    ttft_ms: random() * 1000,
    tpot_ms: random() * 30,
    queue_ms: 0.1,
    total_ms: random() * 10_000,
    finish_reason: 'stop',
    error: null,
    cost_usd: prompt * 1e-6,
    price: 'provider model: input 1, output 2 $/M',
    cache: null,
    tier: null,
    deadline_ms: null,
    attempts: 1,
    plan: null,
    removed_tokens: null,
  }
  return { row: requestColumns.map((name) => row[name]) }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Microseconds that one request pays for its row: made, handed over and written. */
async function costPerRequest(replay: boolean, prefix: string): Promise<{ loop: number; all: number }> {
  const content = { share: 0, maxAgeDays: 7, redact: true }
  const onTrouble = (error: unknown) => progress(String(error))
  const ledger = new Ledger({
    rows: store.ledger,
    record: true,
    maxAgeDays: 365,
    maxMB: 1e6,
    replay,
    content,
    onTrouble,
  })
  const messages = Array.from({ length: 4 }, (_, index) => ({
    role: 'user',
    content: `${index} ${'words '.repeat(100)}`,
  }))
  const text = JSON.stringify({ model: 'up/m', messages, temperature: 0.7 })
  const usage = { inputTokens: { total: 600, cacheRead: 0 }, outputTokens: { total: 20, reasoning: 0 } }
  const { signal } = new AbortController()
  const requests = 20_000
  const atOnce = 250
  const cpu = process.cpuUsage()
  // The time that the loop was at work, whatever for: rows, batches on their way, and answers of the thread.
  const before = performance.eventLoopUtilization()
  for (let done = 0; done < requests; done += atOnce) {
    const start = performance.now()
    for (let index = 0; index < atOnce; index++) {
      const id = `${Date.now().toString(16)}${prefix}${done + index}`
      const context = { id, dialect: 'openai-chat', stream: false, receivedAt: start, signal, text }
      const timings = new Timings('up/m', context, ledger.contentOf(text))
      timings.see({ bytes: new Uint8Array(), deltas: 1, finishReason: 'stop', usage })
      timings.complete()
      ledger.record(timings.entry())
    }
    await ledger.flush()
  }
  const { active } = performance.eventLoopUtilization(before)
  const used = process.cpuUsage(cpu)
  await ledger.close()
  return { loop: (active * 1000) / requests, all: (used.user + used.system) / requests }
}
