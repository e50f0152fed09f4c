import type { Arrivals } from './arrivals.ts'
import type { Calibration } from './calibrate.ts'
import type { DataRow } from './data-rows.ts'
import { dataWorkload, recordedTimes } from './data-workload.ts'
import { parseLengths, type Lengths } from './lengths.ts'
import { questions } from './questions.ts'
import type { SweepKind } from './result.ts'
import { mostRequests } from './run-stage.ts'
import type { Drive, StageSpec } from './stage.ts'
import { syntheticWorkload, type Workload } from './synthetic.ts'

export interface Data {
  readonly file: string
  readonly rows: readonly DataRow[]
}

/** What was asked for; what is absent is chosen by the kind of the sweep. */
export interface PlanOptions {
  readonly concurrency?: readonly number[] | undefined
  readonly rates?: readonly number[] | undefined
  readonly pattern: Arrivals['pattern']
  readonly burstSize: number
  readonly replay?: Data | undefined
  /** Of a replay: 2 is twice as fast as recorded. */
  readonly speed: number
  readonly data?: Data | undefined
  readonly prompt?: Lengths | undefined
  readonly output?: Lengths | undefined
  /** Of a sweep over lengths. */
  readonly lengths?: readonly number[] | undefined
  readonly sharedPrefix: number
  readonly durationMs?: number | undefined
  readonly requests?: number | undefined
  readonly warmupMs?: number | undefined
  readonly cooldownMs: number
  readonly mostInFlight: number
  readonly drainMs: number
}

/** A stage that waits for what calibration finds out. */
export interface PlannedStage {
  readonly x: number
  /** Which of the models is asked. */
  readonly model: string
  readonly spec: (context: { calibration: Calibration; random: () => number }) => StageSpec
}

export interface PlannedSweep {
  readonly kind: SweepKind
  readonly title: string
  readonly stages: readonly PlannedStage[]
}

interface Stage {
  readonly name: string
  readonly x: number
  readonly drive: Drive
  readonly model: string
  readonly prompt?: Lengths
  readonly output?: Lengths
  readonly data?: Data | undefined
  readonly durationMs: number
  readonly requests?: number
}

const defaults = { prompt: 128, output: 64, shortOutput: 16, shortPrompt: 64, durationMs: 10_000 }
/** What a model reads and writes differs by orders of magnitude; six stages show a curve. */
const steps = { concurrency: [1, 2, 4, 8, 16], prompt: [64, 128, 256, 512, 768], output: [16, 32, 64, 128, 256] }
/** A tenth of a stage: connections are made and batches fill. */
const warmupShare = 0.1
/** A sweep over models asks each question once, however long that takes. */
const longestQuiz = 600_000

type Planner = (options: PlanOptions, models: readonly [string, ...string[]]) => PlannedSweep[]

/** By what the command is called with; `tour` is what a newcomer gets. */
export const planners = {
  tour,
  run,
  'prompt-length': promptLengths,
  'output-length': outputLengths,
  batch,
  model,
} as const satisfies Record<string, Planner>

export type PlanKind = keyof typeof planners

/** Batching and prompt length, in under a minute. */
function tour(options: PlanOptions, models: readonly [string, ...string[]]): PlannedSweep[] {
  return [
    ...batch({ durationMs: 6000, ...given(options) }, models),
    ...promptLengths({ durationMs: 4000, ...given(options), concurrency: [1] }, models),
  ]
}

function run(options: PlanOptions, models: readonly [string, ...string[]]): PlannedSweep[] {
  const { rates, replay, pattern, burstSize, speed } = options
  const [model] = models
  if (replay) {
    const { rows, times } = recordedTimes(replay.file, replay.rows, speed)
    const name = speed === 1 ? 'as recorded' : `recorded, ${speed} × as fast`
    const drive: Drive = { kind: 'replay', times }
    const durationMs = options.durationMs ?? (times.at(-1) ?? 0) + 1
    return [
      sweep(
        'replay',
        'Recorded traffic',
        [{ name, x: 0, drive, model, data: { ...replay, rows }, durationMs }],
        options,
      ),
    ]
  }
  const durationMs = options.durationMs ?? defaults.durationMs
  if (!rates) return batch({ ...options, durationMs }, models)
  const stages = rates.map((rate): Stage => {
    const arrivals = { pattern, rate, size: burstSize }
    return { name: `${rate} a second, ${pattern}`, x: rate, drive: { kind: 'open', arrivals }, model, durationMs }
  })
  return [sweep('rate', 'Throughput and latency against the rate', stages, options)]
}

function batch(options: PlanOptions, [model]: readonly [string, ...string[]]): PlannedSweep[] {
  const { concurrency = steps.concurrency, durationMs = defaults.durationMs } = options
  const stages = concurrency.map((each): Stage => ({
    name: `${each} at a time`,
    x: each,
    ...closed(each),
    model,
    durationMs,
  }))
  return [sweep('concurrency', 'Throughput and latency against requests at a time', stages, options)]
}

function promptLengths(options: PlanOptions, [model]: readonly [string, ...string[]]): PlannedSweep[] {
  const { lengths = steps.prompt, durationMs = 6000 } = options
  const output = options.output ?? fixed(defaults.shortOutput)
  const stages = lengths.map((each): Stage => {
    const name = `prompt of ${each}`
    return { name, x: each, ...closed(options.concurrency?.[0] ?? 1), model, prompt: fixed(each), output, durationMs }
  })
  return [sweep('prompt-length', 'Time to the first token against prompt tokens', stages, options)]
}

function outputLengths(options: PlanOptions, [model]: readonly [string, ...string[]]): PlannedSweep[] {
  const { lengths = steps.output, durationMs = 6000 } = options
  const prompt = options.prompt ?? fixed(defaults.shortPrompt)
  const stages = lengths.map((each): Stage => {
    const name = `output of ${each}`
    return { name, x: each, ...closed(options.concurrency?.[0] ?? 1), model, prompt, output: fixed(each), durationMs }
  })
  return [sweep('output-length', 'Latency against output tokens', stages, options)]
}

function model(options: PlanOptions, models: readonly [string, ...string[]]): PlannedSweep[] {
  const data = options.data ?? { file: 'built-in questions', rows: questions }
  const stages = models.map((each, index): Stage => {
    const requests = options.requests ?? data.rows.length
    const durationMs = options.durationMs ?? longestQuiz
    return { name: each, x: index, ...closed(options.concurrency?.[0] ?? 1), model: each, data, durationMs, requests }
  })
  return [sweep('model', 'Models beside each other', stages, { ...options, output: options.output ?? fixed(128) })]
}

function closed(concurrency: number): Pick<Stage, 'drive'> {
  return { drive: { kind: 'closed', concurrency } }
}

function sweep(kind: SweepKind, title: string, stages: readonly Stage[], options: PlanOptions): PlannedSweep {
  return { kind, title, stages: stages.map((stage) => planned(stage, options)) }
}

function planned(stage: Stage, options: PlanOptions): PlannedStage {
  const { name, x, model, drive, durationMs, requests = options.requests } = stage
  const { cooldownMs, mostInFlight, drainMs, sharedPrefix } = options
  const prompt = stage.prompt ?? options.prompt ?? fixed(defaults.prompt)
  const output = stage.output ?? options.output ?? fixed(defaults.output)
  const data = stage.data ?? (stage.prompt ? undefined : options.data)
  // A run that ends with its count may be over before any warm-up is.
  const warmupMs =
    options.warmupMs ?? (requests === undefined && drive.kind !== 'replay' ? durationMs * warmupShare : 0)
  return {
    x,
    model,
    spec: ({ calibration, random }) => {
      const workload: Workload = data
        ? dataWorkload({ ...data, output, random, calibration })
        : syntheticWorkload({ prompt, output, sharedPrefix, random, calibration })
      const bounds = { durationMs, requests: Math.min(requests ?? mostRequests, mostRequests) }
      return { name, drive, workload, ...bounds, warmupMs, cooldownMs, mostInFlight, drainMs }
    },
  }
}

function fixed(tokens: number): Lengths {
  return parseLengths(String(tokens), 'tokens')
}

/** Without what was left open, so that it can be put over defaults. */
function given(options: PlanOptions): PlanOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as PlanOptions
}
