// `npm run bench:telemetry -- [--repetitions 15]`: what metrics and traces cost a request, and how long Prometheus
// waits for 10,000 series.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../src/config/load.ts'
import { Account, type Steps } from '../src/gateway/account.ts'
import { Ledger } from '../src/gateway/ledger/ledger.ts'
import { simpleAttempts } from '../test/simple-attempts.ts'
import type { Served } from '../src/gateway/models.ts'
import { bounds, Histogram } from '../src/gateway/telemetry/histogram.ts'
import { traceContext } from '../src/gateway/telemetry/trace-context.ts'
import { startServer } from '../src/server/start.ts'
import { openTelemetry } from '../src/server/telemetry.ts'
import { openStore } from '../src/storage/store.ts'
import { version } from '../src/version.ts'
import { startUpstream } from './gateway/arms.ts'
import { markdown } from './report.ts'
import { interleaved, median } from './statistics.ts'
import type { Section } from './workload.ts'

const { values: flags } = parseArgs({ options: { repetitions: { type: 'string', default: '15' } } })
const repetitions = Number(flags.repetitions)
/** Of 3 spans at most, so that those of the largest share wait to be exported without one being dropped. */
const requestsPerRound = 10_000
const pieces = 64
const home = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
process.once('exit', () => rmSync(home, { recursive: true, force: true }))
const began = performance.now()
const seconds = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${seconds().toFixed(0).padStart(4)} s  ${what}\n`)

interface TelemetryArm {
  readonly name: string
  readonly metrics: boolean
  /** The share of requests that is traced; absent: no collector is named. */
  readonly traced?: number
}

const arms: readonly TelemetryArm[] = [
  { name: 'none', metrics: false },
  { name: 'metrics', metrics: true },
  { name: 'metrics, traces of 1 %', metrics: true, traced: 0.01 },
  { name: 'metrics, traces of 10 %', metrics: true, traced: 0.1 },
]

const providers = Array.from({ length: 10 }, (_, at) => ({ name: `provider-${at}` }) as Served['provider'])
const usage = { inputTokens: { total: 600, cacheRead: 100 }, outputTokens: { total: pieces, reasoning: 0 } }
const piece = { bytes: new Uint8Array(), deltas: 1 }
const messages = [{ role: 'user', content: 'What is inference?' }]

const upstream = await startUpstream()
const sections = [await perRequest(), await perScrape()]
await upstream.child.stop()
const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: version,
  command: ['npm run bench:telemetry --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  date: new Date().toISOString().slice(0, 10),
  took: `${seconds().toFixed(0)} s`,
}
process.stdout.write(markdown(about, sections))

async function perRequest(): Promise<Section> {
  const store = await openStore(join(home, 'ledger'))
  const content = { share: 0, maxAgeDays: 7, redact: true }
  const onTrouble = (error: unknown) => progress(String(error))
  const ledger = new Ledger({
    rows: store.ledger,
    record: true,
    maxAgeDays: 365,
    maxMB: 1e6,
    replay: false,
    content,
    onTrouble,
  })
  progress('until it is compiled')
  for (const arm of arms) await roundOf(arm, ledger)
  progress(`what a request pays, ${repetitions} times`)
  const measured = await interleaved(arms, repetitions, (arm) => roundOf(arm, ledger))
  await ledger.close()
  await store.close()
  const gaps = gapsOf()
  const [none = [], , one = []] = measured
  const added = (values: readonly Round[], of: (round: Round) => number) =>
    median(values.map((round, at) => of(round) - of(none[at] ?? round)))
  const us = (value: number) => `${value.toFixed(1)} µs`
  return {
    title: 'What a request pays',
    columns: ['followed by', 'on the event loop', 'more than none', 'processor time of all threads, more than none'],
    rows: arms.map(({ name }, at) => {
      const rounds = measured[at] ?? []
      const loop = median(rounds.map((round) => round.loop))
      return [name, us(loop), us(added(rounds, (round) => round.loop)), us(added(rounds, (round) => round.all))]
    }),
    notes: [
      `Streams of ${pieces} pieces through a real account and ledger, ten models, to the end of the last export. The gaps between pieces are counted whoever follows: ${us(gaps)} a request, which the bar includes.`,
    ],
    bars: [
      {
        what: 'metrics and traces of 1 %, with gaps',
        value: added(one, ({ loop }) => loop) + gaps,
        unit: 'µs',
        atMost: 20,
      },
    ],
  }
}

interface Round {
  readonly loop: number
  readonly all: number
}

/** Microseconds that a request takes from its arrival to its row, with whoever follows it. */
async function roundOf({ metrics, traced }: TelemetryArm, ledger: Ledger): Promise<Round> {
  const env: Record<string, string> = { INFERLOOM_HOME: home }
  if (traced !== undefined) {
    env['OTEL_EXPORTER_OTLP_ENDPOINT'] = upstream.url
    env['OTEL_TRACES_SAMPLER_ARG'] = String(traced)
  }
  const telemetry = await openTelemetry(await loadConfig({ env }))
  const admission = { admit: () => ({ settle: () => undefined }) }
  const watchers = metrics ? telemetry.watchers : []
  const planner = { plan: () => notPlanned() }
  const steps: Steps = { planner, attempts: simpleAttempts(), admission, prices: undefined, ledger, watchers }
  const { signal } = new AbortController()
  const cpu = process.cpuUsage()
  const before = performance.eventLoopUtilization()
  for (let done = 0; done < requestsPerRound; done += 250) {
    for (let at = 0; at < 250; at++) request(steps, done + at, signal, traced)
    await ledger.flush()
  }
  await telemetry.close()
  const { active } = performance.eventLoopUtilization(before)
  const { user, system } = process.cpuUsage(cpu)
  return { loop: (active * 1000) / requestsPerRound, all: (user + system) / requestsPerRound }
}

function notPlanned(): never {
  throw new Error('The plan is given.')
}

/** As the pipeline passes an answer on, without the way to its provider. */
function request(steps: Steps, index: number, signal: AbortSignal, traced: number | undefined): void {
  const receivedAt = performance.now()
  const trace = traced === undefined ? undefined : traceContext(undefined, traced)
  const provider = providers[index % providers.length] as Served['provider']
  const model = `${provider.name}/model`
  const id = `${Date.now().toString(16)}${Math.random().toString(16).slice(2)}`
  const account = new Account(steps, model, { id, dialect: 'openai-chat', stream: true, receivedAt, signal, trace })
  const candidate = { served: { provider, model: 'model', why: 'named with its provider' }, id: model }
  const plan = { route: undefined, candidates: [candidate], excluded: [] }
  void account.admit(plan)
  account.won(plan, { candidate, number: 1, startedAt: performance.now() })
  for (let at = 0; at < pieces; at++) account.see(piece)
  account.see({ bytes: new Uint8Array(), deltas: 0, finishReason: 'stop', usage })
  account.timings.complete()
  account.close()
}

/** Microseconds to count the gaps of one answer. */
function gapsOf(): number {
  const rounds = Array.from({ length: repetitions }, () => {
    const start = performance.now()
    for (let done = 0; done < requestsPerRound; done++) {
      const histogram = new Histogram(bounds.perToken)
      for (let at = 1; at < pieces; at++) histogram.observe((at % 16) / 300)
    }
    return ((performance.now() - start) * 1000) / requestsPerRound
  })
  return median(rounds)
}

/** A real server that has answered for so many models that its metrics are 10,000 series. */
async function perScrape(): Promise<Section> {
  const config = join(home, 'inferloom.yaml')
  const provider = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'key' }
  writeFileSync(config, JSON.stringify({ providers: { mock: provider } })) // every JSON is YAML
  const env = { INFERLOOM_HOME: join(home, 'server'), INFERLOOM_PORT: '0', INFERLOOM_PRICES_UPDATE: 'false' }
  const server = await startServer(await loadConfig({ env, file: config }))
  await server.ready()
  const scrape = async () => await (await fetch(`${server.url}/metrics`)).text()
  const seriesIn = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  let text = await scrape()
  progress('10,000 series')
  for (let at = 0; seriesIn(text) < 10_000 && at < 200; at++) {
    await ask(server.url, { model: `mock/model-${at}`, stream: true, x_chunks: 20, messages })
    text = await scrape()
  }
  const scrapes: number[] = []
  for (let at = 0; at < 10 * repetitions; at++) scrapes.push(await timed(scrape))
  progress('beside answers of the local model')
  const enough = new AbortController()
  const asking = Array.from({ length: 2 }, async () => {
    while (!enough.signal.aborted)
      await ask(server.url, { model: 'loom-mini', stream: true, max_tokens: 200, messages })
  })
  const beside: number[] = []
  for (let at = 0; at < 10 * repetitions; at++) beside.push(await timed(scrape))
  enough.abort()
  await Promise.all(asking)
  await server.close()
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const row = (what: string, values: number[]) => [what, ms(median(values)), ms(ninetieth(values))]
  const megabytes = (Buffer.byteLength(text) / 1e6).toFixed(1)
  return {
    title: `A scrape of ${seriesIn(text).toLocaleString('en')} series, ${megabytes} MB`,
    columns: ['', 'median', 'p90'],
    rows: [row('an idle server', scrapes), row('beside two streams of the local model', beside)],
    notes: ['As a client in the same process sees it, from asking to the last byte.'],
    bars: [{ what: 'a scrape of 10,000 series, median', value: median(scrapes), unit: 'ms', atMost: 20 }],
  }
}

async function ask(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`status ${answer.status}: ${text}`)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function ninetieth(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? Number.NaN
}
