import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startChild } from '../children.ts'
import { inferloomArm, type Gateway } from '../gateway/arms.ts'
import { send, type LoadResult } from '../gateway/load.ts'
import { chatLoad } from '../gateway/workloads.ts'
import { hold } from '../hold.ts'
import { interleaved, median } from '../statistics.ts'
import type { Section } from '../workload.ts'

export interface LeversExtent {
  readonly upstream: string
  readonly repetitions: number
  readonly seconds: number
  readonly progress: (what: string) => void
}

const warmUpSeconds = 8
const connections = 32

/** A request that is answered from what was kept, beside a bare Node server that sends the same bytes. */
export async function keptAnswers({ upstream, repetitions, seconds, progress }: LeversExtent): Promise<Section> {
  const ours = await inferloomArm({ name: 'inferloom, kept answer' }).start(upstream)
  const load = keptLoad(ours)
  const json = { 'content-type': 'application/json' }
  const ask = () => fetch(ours.url + load.path, { method: 'POST', headers: json, body: load.body })
  await (await ask()).text()
  const answer = await ask()
  const outcome = answer.headers.get('x-inferloom-cache')
  if (outcome !== 'hit') throw new Error(`the answer was not kept: ${outcome}`)
  const bare = await startBytes(await answer.text())
  const arms = [
    { name: 'bare Node server', load: { ...load, url: bare.url } },
    { name: ours.arm, load },
  ]
  // The bar is what one core does: whoever answers has one, and whoever asks another.
  const all = `0-${availableParallelism() - 1}`
  const isHeld = hold(ours.pid, '0') && hold(bare.pid, '0') && hold(process.pid, '1')
  if (!isHeld) progress('no taskset here: nobody is held on a core')
  for (const { name, load } of arms) {
    progress(`${name}: warming up`)
    await send({ ...load, seconds: warmUpSeconds })
  }
  const results = await interleaved(arms, repetitions, async ({ name, load }, repetition) => {
    progress(`${connections} connections: ${name}, ${repetition + 1} of ${repetitions}`)
    return await send({ ...load, seconds })
  })
  const alone = await interleaved(arms, repetitions, async ({ name, load }, repetition) => {
    progress(`1 connection: ${name}, ${repetition + 1} of ${repetitions}`)
    return await send({ ...load, connections: 1, seconds: seconds / 2 })
  })
  if (isHeld) hold(process.pid, all)
  await Promise.all([ours.stop(), bare.stop()])
  const rates = results.map((each) => median(each.map(rateOf)))
  const p50 = alone.map((each) => median(each.map((result) => result.p50)))
  const [bareRate = NaN, ourRate = NaN] = rates
  return {
    title: isHeld ? 'Exact cache hit, on one core, the client on another' : 'Exact cache hit',
    columns: ['', 'answers/s, 32 connections', '× bare', 'p50, 1 connection, ms'],
    rows: arms.map(({ name }, index) => [
      name,
      Math.round(rates[index] ?? NaN).toLocaleString('en'),
      ((rates[index] ?? NaN) / bareRate).toFixed(2),
      (p50[index] ?? NaN).toFixed(3),
    ]),
    bars: [
      {
        what: 'kept answers, 32 connections (or 0.9 × bare)',
        value: ourRate,
        unit: 'answers/s',
        atLeast: Math.min(15_000, 0.9 * bareRate),
      },
      { what: 'kept answers: p50 at one connection', value: p50[1] ?? NaN, unit: 'ms', atMost: 0.3 },
    ],
  }
}

/** What each lever adds to a request that goes to its provider. */
export async function leverCosts({ upstream, repetitions, seconds, progress }: LeversExtent): Promise<Section> {
  const off = { cache: { enabled: false }, pacing: { enabled: false }, routing: { builtin: false } }
  const candidates = ['mock/mock-1', 'mock/mock-2']
  const route = { objective: 'fastest', candidates, require: { latencyMs: 60_000 }, reliability: { hedge: true } }
  const on = {
    cache: { enabled: true, sampled: true },
    pacing: { enabled: true },
    routing: { builtin: true },
    routes: { 'mock-route': route },
  }
  const arms = [
    { arm: inferloomArm({ name: 'every lever off', settings: off }), model: 'mock/mock-1' },
    { arm: inferloomArm({ name: 'as it is without settings' }), model: 'mock/mock-1' },
    { arm: inferloomArm({ name: 'every lever on', settings: on }), model: 'mock-route' },
  ]
  const gateways: Gateway[] = []
  for (const { arm, model } of arms) gateways.push({ ...(await arm.start(upstream)), model })
  for (const gateway of gateways) {
    progress(`${gateway.arm}: warming up`)
    await send({ ...fresh(gateway), seconds: warmUpSeconds })
  }
  const results = await interleaved(gateways, repetitions, async (gateway, repetition) => {
    progress(`${connections} connections: ${gateway.arm}, ${repetition + 1} of ${repetitions}`)
    return await send({ ...fresh(gateway), seconds })
  })
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  const perRequest = results.map((each) => 1e6 / median(each.map(rateOf)))
  const [without = NaN, , all = NaN] = perRequest
  return {
    title: 'What the levers cost a request, 32 connections',
    columns: ['', 'requests/s', 'µs a request', 'µs above off'],
    rows: gateways.map(({ arm }, index) => [
      arm,
      Math.round(1e6 / (perRequest[index] ?? NaN)).toLocaleString('en'),
      (perRequest[index] ?? NaN).toFixed(1),
      ((perRequest[index] ?? NaN) - without).toFixed(1),
    ]),
    bars: [{ what: 'every lever on against all off', value: all - without, unit: 'µs a request', atMost: 100 }],
  }
}

/** Kept, but never given again: it asks for a new one each time. */
function fresh(gateway: Gateway) {
  const load = chatLoad(gateway, false, connections)
  return { ...load, headers: { ...load.headers, 'x-inferloom-cache': 'refresh' } }
}

function keptLoad(gateway: Gateway) {
  const load = chatLoad(gateway, false, connections)
  return { ...load, body: JSON.stringify({ ...(JSON.parse(load.body) as object), temperature: 0 }) }
}

async function startBytes(
  answer: string,
): Promise<{ readonly url: string; readonly pid: number; stop(): Promise<void> }> {
  const script = fileURLToPath(new URL('../gateway/bytes-process.ts', import.meta.url))
  const child = startChild(process.execPath, [script, answer], process.env)
  const [, url = ''] = await child.firstMatch(/listens on (http:\S+)/)
  return { url, pid: child.pid, stop: () => child.stop() }
}

function rateOf({ requests, seconds }: LoadResult): number {
  return requests / seconds
}
