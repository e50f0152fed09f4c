// `npm run bench:engine -- [--quick] [--threads 1,2] [--only <workload>] [--repetitions 3] [--json <file>]`
// `--only soak [--minutes 10]` runs for minutes, and only when named.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchmarkModelFile } from './random-model.ts'
import { environment, markdown } from './report.ts'
import type { Extent, Section, Workload } from './workload.ts'
import { embeddings } from './workloads/embeddings.ts'
import { grammar } from './workloads/grammar.ts'
import { hundred } from './workloads/hundred.ts'
import { interactiveBesideDeferred } from './workloads/interactive-beside-deferred.ts'
import { modelSwap } from './workloads/model-swap.ts'
import { overhead } from './workloads/overhead.ts'
import { parallelRequests } from './workloads/parallel.ts'
import { promptLookup } from './workloads/prompt-lookup.ts'
import { sharedSystemPrompt } from './workloads/shared-system-prompt.ts'
import { soak } from './workloads/soak.ts'
import { startAndIdle } from './workloads/start-and-idle.ts'

const workloads: readonly Workload[] = [
  startAndIdle,
  overhead,
  parallelRequests,
  hundred,
  sharedSystemPrompt,
  interactiveBesideDeferred,
  grammar,
  embeddings,
  promptLookup,
  modelSwap,
  soak,
]

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    threads: { type: 'string' },
    only: { type: 'string', multiple: true },
    repetitions: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
})

const began = performance.now()
const seconds = () => (performance.now() - began) / 1000
const progress = (what: string) => process.stderr.write(`${seconds().toFixed(0).padStart(4)} s  ${what}\n`)

const chosen = workloads.filter(({ name, onlyWhenNamed }) => flags.only?.includes(name) ?? !onlyWhenNamed)
const unknown = flags.only?.filter((name) => !workloads.some((workload) => workload.name === name)) ?? []
if (unknown.length > 0) {
  const known = workloads.map(({ name }) => name).join(', ')
  process.stderr.write(`--only ${unknown.join(', ')}: there is no such workload. Remedy: choose from ${known}.\n`)
  process.exit(1)
}

progress('building')
const build = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))], {
  stdio: ['ignore', 2, 2],
})
if (build.status !== 0) process.exit(build.status ?? 1)

progress('writing the random model, unless it is there')
const extent: Extent = {
  threads: positiveNumbers('--threads', flags.threads ?? (flags.quick ? '1' : '1,2')),
  repetitions: positiveNumbers('--repetitions', flags.repetitions ?? (flags.quick ? '1' : '3'))[0] ?? 1,
  quick: flags.quick,
  minutes: positiveNumbers('--minutes', flags.minutes)[0] ?? 10,
  file: benchmarkModelFile(),
  progress,
}

const sections: Section[] = []
for (const workload of chosen) sections.push(...(await workload.run(extent)))

const about = environment(['npm run bench:engine --', ...process.argv.slice(2)].join(' '), seconds())
process.stdout.write(markdown(about, sections))
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ about, sections }, null, 2)}\n`)

function positiveNumbers(flag: string, text: string): number[] {
  const numbers = text.split(',').map(Number)
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers
  process.stderr.write(`${flag} ${text}: whole numbers from 1 are wanted, such as ${flag} 1,2.\n`)
  process.exit(1)
}
