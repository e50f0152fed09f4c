// `npm run bench:levers -- [--repetitions 5] [--seconds 3] [--seeds 3] [--json <file>]`: every bar of the levers. What
// decides whom a request is sent to, and when, is shown in virtual time; what a lever costs is measured.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startUpstream } from './gateway/arms.ts'
import { keptAnswers, leverCosts } from './levers/measured.ts'
import { simulated } from './levers/simulated.ts'
import { markdown } from './report.ts'
import { version } from '../src/version.ts'

const { values: flags } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    seeds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
})

const began = performance.now()
const took = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${took().toFixed(0).padStart(4)} s  ${what}\n`)

progress('building')
const build = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))], {
  stdio: ['ignore', 2, 2],
})
if (build.status !== 0) process.exit(build.status ?? 1)

const sections = [await simulated(Number(flags.seeds), progress)]
const upstream = await startUpstream()
const extent = {
  upstream: upstream.url,
  repetitions: Number(flags.repetitions),
  seconds: Number(flags.seconds),
  progress,
}
sections.push(await keptAnswers(extent), await leverCosts(extent))
await upstream.child.stop()

const about = {
  machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${type()} ${release()}, Node ${process.version}`,
  inferloom: `${version}, compiled, ledger on, no local model`,
  command: ['npm run bench:levers --', ...process.argv.slice(2)].join(' '),
  date: new Date().toISOString().slice(0, 10),
  took: `${took().toFixed(0)} s`,
}
process.stdout.write(markdown(about, sections))
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ about, sections }, null, 2)}\n`)
