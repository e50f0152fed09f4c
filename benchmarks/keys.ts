// `npm run bench:keys -- [--repetitions 5] [--seconds 3] [--json <file>]`: what a key, its limits, the
// price and the ledger add to a request, by what the gateway takes with them and without.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { inferloomArm, startUpstream, threadsMs, type Gateway } from './gateway/arms.ts'
import { send, type LoadResult } from './gateway/load.ts'
import { chatLoad, warmUp } from './gateway/workloads.ts'
import { markdown } from './report.ts'
import { interleaved, median } from './statistics.ts'
import { version } from '../src/version.ts'
import type { Section } from './workload.ts'

const { values: flags } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
})
const repetitions = Number(flags.repetitions)
const seconds = Number(flags.seconds)

/** So wide that nothing is refused or waits. */
const limits = {
  rpm: 1_000_000_000,
  tpm: 1_000_000_000_000,
  concurrency: 100_000,
  budgets: [{ usd: 1_000_000_000, window: 'month' as const }],
}
const prices = { update: false, models: { 'mock/mock-1': { input: 0.15, output: 0.6 } } }
const unrecorded = { ledger: { record: false } }

const arms = [
  inferloomArm({ name: 'all off', settings: unrecorded }),
  inferloomArm({ name: 'a key with four limits, and a price', settings: { prices, ...unrecorded }, limits }),
  inferloomArm({ name: 'the ledger without hashes for replay', settings: { ledger: { replay: false } } }),
  inferloomArm({ name: 'the ledger' }),
  inferloomArm({ name: 'all on', settings: { prices }, limits }),
]

const began = performance.now()
const took = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${took().toFixed(0).padStart(4)} s  ${what}\n`)

progress('building')
const build = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))], {
  stdio: ['ignore', 2, 2],
})
if (build.status !== 0) process.exit(build.status ?? 1)

const upstream = await startUpstream()
const gateways: Gateway[] = []
for (const arm of arms) gateways.push(await arm.start(upstream.url))
await warmUp({ gateways, repetitions, seconds, progress })

interface Measured extends LoadResult {
  /** Microseconds of processor time a request. */
  readonly loop: number
  readonly others: number
}

async function measured(gateway: Gateway, connections: number): Promise<Measured> {
  const before = threadsMs(gateway.pid)
  const result = await send({ ...chatLoad(gateway, false, connections), seconds })
  const after = threadsMs(gateway.pid)
  const each = (ms: number) => (ms * 1000) / result.requests
  return { ...result, loop: each(after.loop - before.loop), others: each(after.others - before.others) }
}

const many = await interleaved(gateways, repetitions, async (gateway, repetition) => {
  progress(`32 connections: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
  return await measured(gateway, 32)
})
const one = await interleaved(gateways, repetitions, async (gateway, repetition) => {
  progress(`1 connection: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
  return await measured(gateway, 1)
})
await Promise.all(gateways.map((gateway) => gateway.stop()))
await upstream.child.stop()

const wall = (each: Measured) => (each.seconds * 1e6) / each.requests
const cpu = (each: Measured) => each.loop + each.others
const p50 = (each: Measured) => each.p50 * 1000
const us = (values: readonly number[]) => median(values).toFixed(0)

/** In microseconds: the median of what it was above the first arm in the same turn. */
function above(results: readonly Measured[][], index: number, of: (each: Measured) => number): number {
  const [off = []] = results
  return median((results[index] ?? []).map((each, turn) => of(each) - of(off[turn] ?? each)))
}

const throughput: Section = {
  title: '32 connections: µs a request, medians',
  columns: ['', 'requests/s (range)', 'by the clock', 'above off', 'processor time', 'of it the loop', 'above off'],
  rows: gateways.map(({ arm }, index) => {
    const results = many[index] ?? []
    const rates = results.map((each) => each.requests / each.seconds).sort((a, b) => a - b)
    const shown = [median(rates), rates[0] ?? 0, rates.at(-1) ?? 0].map((each) => Math.round(each).toLocaleString('en'))
    return [
      arm,
      `${shown[0]} (${shown[1]}–${shown[2]})`,
      us(results.map(wall)),
      index === 0 ? '' : above(many, index, wall).toFixed(0),
      us(results.map(cpu)),
      us(results.map(({ loop }) => loop)),
      index === 0 ? '' : above(many, index, cpu).toFixed(0),
    ]
  }),
  bars: [
    {
      what: 'ledger, limits and keys: by the clock, 32 connections',
      value: above(many, arms.length - 1, wall),
      unit: 'µs',
      atMost: 40,
    },
    {
      what: 'the same: processor time of all threads',
      value: above(many, arms.length - 1, cpu),
      unit: 'µs',
      atMost: 40,
    },
  ],
}
const latency: Section = {
  title: '1 connection: µs a request, medians',
  columns: ['', 'p50', 'above off', 'processor time', 'above off'],
  rows: gateways.map(({ arm }, index) => {
    const results = one[index] ?? []
    return [
      arm,
      us(results.map(p50)),
      index === 0 ? '' : above(one, index, p50).toFixed(0),
      us(results.map(cpu)),
      index === 0 ? '' : above(one, index, cpu).toFixed(0),
    ]
  }),
  bars: [
    {
      what: 'ledger, limits and keys: p50 of 1 connection',
      value: above(one, arms.length - 1, p50),
      unit: 'µs',
      atMost: 40,
    },
  ],
}

const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: `${version}, compiled, no local model; client and upstream on the same cores`,
  command: ['npm run bench:keys --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  date: new Date().toISOString().slice(0, 10),
  took: `${took().toFixed(0)} s`,
}
process.stdout.write(markdown(about, [throughput, latency]))
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ about, many, one }, null, 2)}\n`)
