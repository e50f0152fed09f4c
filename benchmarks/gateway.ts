// `npm run bench:gateway -- [--quick] [--repetitions 3] [--seconds 3] [--soak <minutes>] [--without-peers] [--json <file>]`
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bareProxy, inferloom, portkey, residentMB, startUpstream, type Gateway } from './gateway/arms.ts'
import { bifrost, litellm } from './gateway/peer-arms.ts'
import { latency, memory, streaming, throughput, warmUp, type GatewayExtent } from './gateway/workloads.ts'
import { markdown } from './report.ts'
import { version } from '../src/version.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repetitions: { type: 'string' },
    seconds: { type: 'string' },
    soak: { type: 'string', default: '0' },
    'without-peers': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})

const began = performance.now()
const seconds = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${seconds().toFixed(0).padStart(4)} s  ${what}\n`)

progress('building')
const build = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))], {
  stdio: ['ignore', 2, 2],
})
if (build.status !== 0) process.exit(build.status ?? 1)

const notes: string[] = []
const arms = [bareProxy, inferloom]
if (!flags['without-peers']) {
  for (const peer of [portkey, litellm, bifrost]) {
    const missing = peer.prepare?.()
    if (missing === undefined) arms.push(peer)
    else notes.push(`${peer.name} was left out: ${missing}.`)
  }
}

const upstream = await startUpstream()
const gateways: Gateway[] = []
for (const arm of arms) gateways.push(await arm.start(upstream.url))
await delay(2000)
const idle = gateways.map(({ pid }) => residentMB(pid))

const extent: GatewayExtent = {
  gateways,
  repetitions: Number(flags.repetitions ?? (flags.quick ? 1 : 3)),
  seconds: Number(flags.seconds ?? (flags.quick ? 2 : 3)),
  progress,
}
const streams = await warmUp(extent)
for (const { arm } of gateways.filter((gateway) => !streams.includes(gateway))) {
  notes.push(`${arm} answers streams of this upstream with an error, and is left out there.`)
}
const sections = [
  await throughput(extent),
  await latency(extent),
  ...(await streaming({ ...extent, gateways: streams })),
  await memory(extent, idle, Number(flags.soak)),
]
await Promise.all(gateways.map((gateway) => gateway.stop()))
await upstream.child.stop()

const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: `${version}, compiled, ledger on, no local model`,
  'bare Node proxy': 'node:http and undici, JSON parsed both ways (benchmarks/gateway/bare-proxy-process.ts)',
  'client and upstream':
    'undici on its bare callbacks; a server that answers at once; processes of their own on the same cores',
  command: ['npm run bench:gateway --', ...process.argv.slice(2)].join(' '),
  date: new Date().toISOString().slice(0, 10),
  took: `${seconds().toFixed(0)} s`,
}
process.stdout.write(markdown(about, sections))
for (const note of notes) process.stdout.write(`\n${note}\n`)
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ about, sections }, null, 2)}\n`)
