import { interleaved, median } from '../statistics.ts'
import type { Bar, Section } from '../workload.ts'
import { cpuMs, residentMB, type Gateway } from './arms.ts'
import { send, type Load, type LoadResult } from './load.ts'

export interface GatewayExtent {
  /** The bare proxy first, inferloom second. */
  readonly gateways: readonly Gateway[]
  readonly repetitions: number
  readonly seconds: number
  readonly progress: (what: string) => void
}

const chat = '/v1/chat/completions'
const messages = [
  { role: 'system', content: 'You answer in one sentence.' },
  { role: 'user', content: 'What is inference?' },
]

export function chatLoad({ url, headers, model }: Gateway, stream: boolean, connections: number) {
  return { url, headers, path: chat, connections, body: JSON.stringify({ model, messages, stream }) }
}

/** Until code that is long-running is compiled for good: after one second a request costs up to twice as much as later. */
const warmUpSeconds = 8

/** Returns those that can stream here, which is not a matter of course. */
export async function warmUp({ gateways, progress }: GatewayExtent): Promise<Gateway[]> {
  const streaming: Gateway[] = []
  for (const gateway of gateways) {
    progress(`${gateway.arm}: warming up`)
    await send({ ...chatLoad(gateway, false, 32), seconds: warmUpSeconds })
    const { url, headers, path, body } = chatLoad(gateway, true, 1)
    const json = { 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method: 'POST', headers: { ...json, ...headers }, body })
    if (!answer.ok || !(await answer.text()).includes('[DONE]')) continue
    await send({ ...chatLoad(gateway, true, 16), seconds: 2 })
    streaming.push(gateway)
  }
  return streaming
}

/** Whole answers: what one request costs, all included. */
export async function throughput({ gateways, repetitions, seconds, progress }: GatewayExtent): Promise<Section> {
  const results = await interleaved(gateways, repetitions, async (gateway, repetition) => {
    progress(`32 connections: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
    return await send({ ...chatLoad(gateway, false, 32), seconds })
  })
  const rates = results.map((each) => median(each.map(({ requests, seconds: took }) => requests / took)))
  const [bare = Number.NaN, ours = Number.NaN] = rates
  return {
    title: 'Same-wire chat, whole answers, 32 connections',
    columns: ['', 'requests/s, median (range)', 'p50, ms', 'p99, ms', '× bare'],
    rows: gateways.map(({ arm }, index) => {
      const each = results[index] ?? []
      const perSecond = each.map(({ requests, seconds: took }) => Math.round(requests / took))
      return [
        arm,
        `${count(median(perSecond))} (${count(Math.min(...perSecond))}–${count(Math.max(...perSecond))})`,
        median(each.map(({ p50 }) => p50)).toFixed(2),
        median(each.map(({ p99 }) => p99)).toFixed(2),
        ((rates[index] ?? Number.NaN) / bare).toFixed(2),
      ]
    }),
    bars: [{ what: 'same-wire chat, 32 connections: inferloom ÷ bare', value: ours / bare, unit: '×', atLeast: 0.65 }],
  }
}

export async function latency({ gateways, repetitions, seconds, progress }: GatewayExtent): Promise<Section> {
  const results = await interleaved(gateways, repetitions, async (gateway, repetition) => {
    progress(`1 connection: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
    return await send({ ...chatLoad(gateway, false, 1), seconds: seconds / 2 })
  })
  const p50 = results.map((each) => median(each.map((result) => result.p50)))
  const [bare = Number.NaN, ours = Number.NaN] = p50
  return {
    title: 'Same-wire chat, whole answers, 1 connection',
    columns: ['', 'p50, ms', 'p99, ms', 'p50 above bare, ms'],
    rows: gateways.map(({ arm }, index) => [
      arm,
      (p50[index] ?? Number.NaN).toFixed(3),
      median((results[index] ?? []).map(({ p99 }) => p99)).toFixed(3),
      ((p50[index] ?? Number.NaN) - bare).toFixed(3),
    ]),
    bars: [{ what: 'same-wire chat, 1 connection: p50 above bare', value: ours - bare, unit: 'ms', atMost: 0.3 }],
  }
}

const streams = 64
const chunks = 200
/** Each stream is asked for so often in one measurement, so that processor time can be told in hundredths of a second. */
const rounds = 3

interface Streamed extends LoadResult {
  readonly cpuPerChunk: number
}

/** Also counts what it cost the gateway's process, in microseconds of processor time for each chunk. */
async function streamed(gateway: Gateway, load: Omit<Load, 'requests'>): Promise<Streamed> {
  const before = cpuMs(gateway.pid)
  const result = await send({ ...load, requests: streams * rounds })
  const cpu = cpuMs(gateway.pid) - before
  return { ...result, cpuPerChunk: (cpu * 1000) / (result.requests * chunks) }
}

export async function streaming({ gateways, repetitions, progress }: GatewayExtent): Promise<Section[]> {
  const results = await interleaved(gateways, repetitions, async (gateway, repetition) => {
    progress(`${streams} streams: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
    return await streamed(gateway, chatLoad(gateway, true, streams))
  })
  const inferloom = gateways[1]
  const translated: Streamed[] = []
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    if (!inferloom) break
    progress(`${streams} streams, translated: ${inferloom.arm}, ${repetition} of ${repetitions}`)
    const body = JSON.stringify({ model: inferloom.model, input: 'What is inference?', stream: true, store: false })
    const load = { url: inferloom.url, headers: {}, path: '/v1/responses', connections: streams, body }
    translated.push(await streamed(inferloom, load))
  }
  const rate = (each: readonly Streamed[]) => median(each.map(({ requests, seconds }) => (requests * chunks) / seconds))
  const cpu = (each: readonly Streamed[]) => median(each.map(({ cpuPerChunk }) => cpuPerChunk))
  const [bare = [], ours = []] = results
  const row = (name: string, each: readonly Streamed[]) => [
    name,
    count(rate(each)),
    (rate(each) / rate(bare)).toFixed(2),
    cpu(each).toFixed(1),
  ]
  const bars: Bar[] = [
    { what: 'streaming relay: inferloom ÷ bare', value: rate(ours) / rate(bare), unit: '×', atLeast: 0.8 },
    { what: 'streaming relay: processor time above bare', value: cpu(ours) - cpu(bare), unit: 'µs/chunk', atMost: 3 },
  ]
  return [
    {
      title: `Streams, ${streams} at once, ${chunks} chunks each`,
      columns: ['', 'chunks/s', '× bare', 'processor time, µs a chunk'],
      rows: [
        ...gateways.map(({ arm }, index) => row(arm, results[index] ?? [])),
        ...(translated.length > 0 ? [row('inferloom, from Responses to chat', translated)] : []),
      ],
      bars,
    },
  ]
}

/** Megabytes after the load of all the workloads before, and of inferloom after some minutes of the same. */
export async function memory(
  { gateways, progress }: GatewayExtent,
  idle: readonly number[],
  soakMinutes: number,
): Promise<Section> {
  const loaded = gateways.map(({ pid }) => residentMB(pid))
  const soaked: number[] = []
  const inferloom = gateways[1]
  for (let minute = 1; minute <= soakMinutes; minute++) {
    if (!inferloom) break
    progress(`soak: ${inferloom.arm}, minute ${minute} of ${soakMinutes}`)
    await send({ ...chatLoad(inferloom, false, 16), seconds: 30 })
    await send({ ...chatLoad(inferloom, true, 16), seconds: 30 })
    soaked.push(residentMB(inferloom.pid))
  }
  const [first = Number.NaN] = soaked
  const growth = ((soaked.at(-1) ?? Number.NaN) / first - 1) * 100
  return {
    title: 'Memory of the gateway’s process, MB',
    columns: ['', 'idle', 'after load', ...(soakMinutes > 0 ? [`each minute of a soak of ${soakMinutes}`] : [])],
    rows: gateways.map((gateway, index) => [
      gateway.arm,
      (idle[index] ?? Number.NaN).toFixed(0),
      (loaded[index] ?? Number.NaN).toFixed(0),
      ...(soakMinutes > 0 ? [gateway === inferloom ? soaked.map((each) => each.toFixed(0)).join(', ') : ''] : []),
    ]),
    bars: [
      { what: 'memory of the idle process', value: idle[1] ?? Number.NaN, unit: 'MB', atMost: 120 },
      ...(soakMinutes > 1
        ? [{ what: 'growth from the first minute of the soak to the last', value: growth, unit: '%', atMost: 5 }]
        : []),
    ],
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}
