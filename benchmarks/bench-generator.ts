// `npm run bench:generator -- [--seconds 10] [--json <file>]`: what `inferloom bench` itself costs, and whether it tells
// the truth, beside a mock in another process that records its own times.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus, release, type } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseLengths } from '../src/bench/lengths.ts'
import type { StageResult } from '../src/bench/result.ts'
import { mostRequests, runStage } from '../src/bench/run-stage.ts'
import { seededRandom } from '../src/bench/seeded-random.ts'
import type { Drive } from '../src/bench/stage.ts'
import { distributionOf } from '../src/bench/statistics.ts'
import { summarize } from '../src/bench/summarize.ts'
import { syntheticWorkload } from '../src/bench/synthetic.ts'
import { Target } from '../src/bench/target.ts'
import { wireOf } from '../src/bench/wires/wires.ts'
import { version } from '../src/version.ts'
import type { Pace, Seen } from './bench-generator-mock.ts'
import { stopChild, track } from './children.ts'
import { hold } from './hold.ts'
import { holds, markdown } from './report.ts'
import type { Bar, Section } from './workload.ts'

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, json: { type: 'string' } },
})
const durationMs = Number(flags.seconds) * 1000
const began = performance.now()

const mock = fork(fileURLToPath(new URL('./bench-generator-mock.ts', import.meta.url)), [], {
  execArgv: ['--disable-warning=ExperimentalWarning'],
})
track(mock)
const [url] = (await once(mock, 'message')) as [string]
/** Each on a core of its own, where the system has the command for it. */
const isPinned = hold(process.pid, '0') && hold(mock.pid ?? 0, '1')
const target = new Target({ url, wire: wireOf('openai-chat'), model: 'mock', timeoutMs: 60_000 })
const random = seededRandom(1)
const calibration = { tokensPerWord: 1.3, overheadTokens: 8, countsTokens: true, manner: { keepWriting: {} } }
const tokens = (count: number) => parseLengths(String(count), 'tokens')

interface Measured {
  readonly stage: StageResult
  readonly truth: Seen
  /** Processor time of the generator, in seconds of it per second. */
  readonly cores: number
  readonly unsent: number
}

async function measure(name: string, pace: Pace, drive: Drive): Promise<Measured> {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}\n`)
  await tell(mock, pace)
  const workload = syntheticWorkload({
    prompt: tokens(128),
    output: tokens(pace.pieces),
    sharedPrefix: 0,
    random,
    calibration,
  })
  const bounds = { durationMs, requests: mostRequests, warmupMs: 0, cooldownMs: 0, mostInFlight: 4096, drainMs: 10_000 }
  const spec = { name, drive, workload, ...bounds }
  const [before, at] = [process.cpuUsage(), performance.now()]
  const run = await runStage(target, spec, { random, signal: new AbortController().signal, onProgress: () => {} })
  const { user, system } = process.cpuUsage(before)
  const cores = (user + system) / 1000 / (performance.now() - at)
  const stage = summarize(run, spec, { model: 'mock', x: 0, slo: {} })
  return { stage, truth: await tell<Seen>(mock, 'report'), cores, unsent: run.unsent }
}

/** The same exchange on a bare socket, 500 times a second: what the system and the mock take, without any generator. */
async function bareSocket(): Promise<number> {
  await tell(mock, instant)
  const body = JSON.stringify({
    model: 'mock',
    stream: true,
    messages: [{ role: 'user', content: 'word '.repeat(100) }],
  })
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const times: number[] = []
  const until = performance.now() + Math.min(durationMs, 3000)
  while (performance.now() < until) {
    const at = performance.now()
    socket.write(request)
    let answer = ''
    while (!answer.endsWith('0\r\n\r\n')) answer += String(((await once(socket, 'data')) as [Buffer])[0])
    times.push(performance.now() - at)
    await delay(1)
  }
  socket.destroy()
  return distributionOf(times)?.p50.value ?? 0
}

async function tell<Answer>(child: ChildProcess, message: Pace | 'report'): Promise<Answer> {
  const answered = once(child, 'message')
  child.send(message)
  return ((await answered) as [Answer])[0]
}

const open = (rate: number, pattern: 'fixed' | 'poisson' = 'fixed'): Drive => ({
  kind: 'open',
  arrivals: { pattern, rate },
})
const instant = { firstMs: 0, gapMs: 0, pieces: 3 }
// The first requests of a process run code that is not compiled yet.
await measure('warm-up', instant, open(3000))

const bare = await bareSocket()
const rates = [500, 2000, 5000]
const fast: Measured[] = []
for (const rate of rates) fast.push(await measure(`${rate} requests a second`, instant, open(rate)))
const most = await measure('as many as it can, 32 at a time', instant, { kind: 'closed', concurrency: 32 })
const written = { firstMs: 60, gapMs: 10, pieces: 12 }
const streams: Measured[] = []
for (const rate of [100, 200, 400]) {
  streams.push(await measure(`${rate} streams a second`, written, open(rate, 'poisson')))
}
await target.close()
await stopChild(mock)

const us = (milliseconds: number) => `${(milliseconds * 1000).toFixed(0)} µs`
const added = ({ stage, truth }: Measured) =>
  (stage.latency?.p50.value ?? NaN) - (distributionOf(truth.latency)?.p50.value ?? 0)
const bars: Bar[] = [
  {
    what: 'requests a second held of 5,000',
    value: fast.at(-1)?.stage.requestsPerSecond.value ?? 0,
    unit: '/s',
    atLeast: 4975,
  },
  ...fast.map((measured) => ({
    what: `added to p50, ${measured.stage.name}`,
    value: added(measured),
    unit: 'ms',
    atMost: 0.2,
  })),
]
const rows = [...fast, most].map((measured) => [
  measured.stage.name,
  measured.stage.requestsPerSecond.value.toFixed(0),
  `${measured.unsent + measured.stage.failed}`,
  measured.cores.toFixed(2),
  us(distributionOf(measured.truth.latency)?.p50.value ?? 0),
  us(measured.stage.latency?.p50.value ?? 0),
  us(added(measured)),
  us(measured.stage.latenessP99),
  String(measured.truth.connections),
])
const truthRows = streams.flatMap(({ stage, truth }) =>
  (
    [
      ['TTFT', stage.ttft, truth.ttft],
      ['ITL', stage.itl, truth.gaps],
      ['latency', stage.latency, truth.latency],
    ] as const
  ).flatMap(([name, told, true_]) =>
    (['p50', 'p90', 'p99'] as const).map((percentile) => {
      const [said, was] = [told?.[percentile].value ?? NaN, distributionOf(true_)?.[percentile].value ?? NaN]
      const off = Math.abs(said / was - 1) * 100
      bars.push({ what: `${stage.name}: ${name} ${percentile} beside the truth`, value: off, unit: '%', atMost: 2 })
      return [
        stage.name,
        `${name} ${percentile}`,
        `${was.toFixed(2)} ms`,
        `${said.toFixed(2)} ms`,
        `${off.toFixed(2)} %`,
      ]
    }),
  ),
)
const sections: Section[] = [
  {
    title: 'What the generator costs',
    columns: [
      'load',
      'held, /s',
      'unsent or failed',
      'cores',
      'p50 at the mock',
      'p50 told',
      'added',
      'lateness p99',
      'connections',
    ],
    rows,
    bars,
    notes: [
      `Added: p50 told less p50 at the mock, so that it holds the way through the system too. The same exchange on a bare socket adds ${us(bare)}.`,
      isPinned
        ? 'The generator is held on one core, the mock on another.'
        : 'No taskset here: neither is held on a core.',
    ],
  },
  { title: 'What it tells beside the truth', columns: ['', '', 'mock', 'told', 'off by'], rows: truthRows, bars: [] },
]
const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: version,
  command: 'npm run bench:generator',
  date: new Date().toISOString().slice(0, 10),
}
process.stdout.write(markdown(about, sections))
if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify({ about, sections }, null, 2))
if (!bars.every(holds)) process.exitCode = 1
