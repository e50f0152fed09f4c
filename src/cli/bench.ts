import { writeFileSync } from 'node:fs'
import { runBench, type BenchWatcher } from '../bench/bench.ts'
import { brokenText, readDataFile } from '../bench/data-file.ts'
import { planners, type Data, type PlanKind, type PlanOptions } from '../bench/plan.ts'
import type { BenchResult } from '../bench/result.ts'
import { parseDuration } from '../bench/durations.ts'
import { Target } from '../bench/target.ts'
import { wireOf } from '../bench/wires/wires.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { BenchDisplay } from './bench-display.ts'
import {
  commandText,
  fieldsOf,
  headersOf,
  keyOf,
  outputsOf,
  planOptionsOf,
  pricesOf,
  seedOf,
  sloOf,
  type BenchFlags,
} from './bench-flags.ts'
import { findTarget, type Found } from './bench-target.ts'

export interface BenchCall {
  /** `undefined` is what the flags say, or what a newcomer gets where they say nothing. */
  readonly kind: Exclude<PlanKind, 'tour' | 'run'> | undefined
  readonly names: readonly string[]
  readonly flags: BenchFlags
  readonly loaded: LoadedConfig
}

const wholeAnswers = 'Answers were asked for whole (--no-stream): nobody sees when their first token was written.'

/** Measures a server, shows what comes of it as it comes, and writes the files that were asked for. */
export async function bench({ kind, names, flags, loaded }: BenchCall): Promise<void> {
  // All flags are read before anything is started or sent.
  const [outputs, wire] = [outputsOf(flags), wireOf(flags.dialect)]
  const given = {
    plan: planOptionsOf(flags),
    slo: sloOf(flags),
    prices: pricesOf(flags),
    seed: seedOf(flags),
    timeoutMs: parseDuration(flags.timeout, '--timeout'),
    headers: headersOf(flags),
    fields: fieldsOf(flags),
    key: keyOf(flags, process.env),
  }
  const display = new BenchDisplay(flags.json ? process.stderr : process.stdout, {
    targets: flags.slo !== undefined,
    quality: kind === 'model' || flags.data !== undefined,
    cost: flags.price.length > 0,
    stream: flags.stream,
  })
  const notes: string[] = flags.stream ? [] : [wholeAnswers]
  const plan: PlanOptions = {
    ...given.plan,
    data: await dataOf(flags.data, '--data', notes),
    replay: await dataOf(flags.replay, '--replay', notes),
  }
  for (const note of notes) display.say(note)
  const controller = interruptible()
  const { key, headers } = given
  const found = await findTarget({ names, model: flags.model, wire, key, headers, loaded })
  try {
    display.say(`Measuring ${found.models.join(', ')} at ${found.url}; Ctrl-C stops and keeps what came until then.`)
    const result = await measure({ kind, flags, plan, found, display, controller, notes, given })
    for (const { file, textOf } of outputs) writeFileSync(file, textOf(result))
    if (flags.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    display.say(
      lastWords(
        result,
        outputs.map(({ file }) => file),
      ),
    )
    if (result.isInterrupted) process.exitCode = 130
    else if (!result.sweeps.some(({ stages }) => stages.some(({ completed }) => completed > 0))) process.exitCode = 1
  } finally {
    await found.close()
  }
}

interface Measurement {
  readonly kind: BenchCall['kind']
  readonly flags: BenchFlags
  readonly plan: PlanOptions
  readonly found: Found
  readonly display: BenchWatcher
  readonly controller: AbortController
  readonly notes: readonly string[]
  readonly given: Pick<Parameters<typeof runBench>[0], 'slo' | 'prices' | 'seed'> & {
    readonly timeoutMs: number
    readonly headers: Readonly<Record<string, string>>
    readonly fields: Readonly<Record<string, unknown>>
  }
}

async function measure({
  kind,
  flags,
  plan,
  found,
  display,
  controller,
  notes,
  given,
}: Measurement): Promise<BenchResult> {
  const { slo, prices, seed, timeoutMs, headers, fields } = given
  const { url, key, models } = found
  const wire = wireOf(flags.dialect)
  const open = (model: string) =>
    new Target({ url, wire, model, key, headers, fields, timeoutMs, stream: flags.stream })
  // Only where models are compared is there more than one.
  const asked: readonly [string, ...string[]] = kind === 'model' ? models : [models[0]]
  const targets = new Map(asked.map((model) => [model, open(model)]))
  const onAbort = () => {
    for (const target of targets.values()) target.stopAll('unfinished')
  }
  controller.signal.addEventListener('abort', onAbort)
  try {
    return await runBench({
      sweeps: planners[kind ?? kindOf(flags)](plan, asked),
      targets,
      slo,
      prices,
      seed,
      command: commandText(process.argv.slice(2)),
      notes: [...found.notes, ...notes],
      signal: controller.signal,
      watcher: display,
    })
  } finally {
    controller.signal.removeEventListener('abort', onAbort)
    await Promise.all([...targets.values()].map((target) => target.close()))
  }
}

/** A load that was asked for is what is run; otherwise what teaches most. */
function kindOf({ concurrency, rate, replay, data, requests }: BenchFlags): 'run' | 'tour' {
  return [concurrency, rate, replay, data, requests].every((each) => each === undefined) ? 'tour' : 'run'
}

async function dataOf(file: string | undefined, option: string, notes: string[]): Promise<Data | undefined> {
  if (file === undefined) return undefined
  const read = await readDataFile(file, option)
  const broken = brokenText(file, read)
  if (broken !== undefined) notes.push(broken)
  return { file, rows: read.rows }
}

/** Ctrl-C ends the run and keeps its results; a second one ends the program. */
function interruptible(): AbortController {
  const controller = new AbortController()
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new InferloomError('client_closed', 'The run was interrupted.'))
  })
  return controller
}

function lastWords({ tookSeconds, tokenCounts, notes }: BenchResult, files: readonly string[]): string {
  const written =
    files.length > 0
      ? `Written: ${files.join(', ')}.`
      : 'Add -o report.html for a page with plots, -o run.json to compare runs later.'
  return [
    '',
    ...notes.map((note) => `note, ${note}`),
    `Token counts: ${tokenCounts}. Took ${tookSeconds.toFixed(0)} s. ${written}`,
  ].join('\n')
}
