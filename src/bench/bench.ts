import { cpus, type as systemType, release } from 'node:os'
import { calibrate, type Calibration } from './calibrate.ts'
import { fitLinear, fitSaturation, type FitLine } from './fits.ts'
import { lessonsOf, meanOutput, meanPrompt } from './lessons.ts'
import type { PlannedStage, PlannedSweep } from './plan.ts'
import { resultVersion, type BenchResult, type StageResult, type Sweep, type SweepKind } from './result.ts'
import { runStage } from './run-stage.ts'
import { seededRandom } from './seeded-random.ts'
import type { Slo } from './slo.ts'
import type { StageProgress } from './stage.ts'
import { summarize, type Price } from './summarize.ts'
import type { Target } from './target.ts'

export interface BenchOptions {
  readonly sweeps: readonly PlannedSweep[]
  /** By the name of their model. */
  readonly targets: ReadonlyMap<string, Target>
  readonly slo: Slo
  readonly prices: ReadonlyMap<string, Price>
  readonly seed: number
  /** As it was typed, without what is secret. */
  readonly command: string
  readonly notes: readonly string[]
  /** Ends the run; what it found until then is given back. */
  readonly signal: AbortSignal
  readonly watcher: BenchWatcher
}

/** Told of what happens, in this order. */
export interface BenchWatcher {
  calibrated(model: string, calibration: Calibration): void
  sweepBegins(sweep: PlannedSweep): void
  stageBegins(name: string, position: number, count: number): void
  progress(progress: StageProgress): void
  stageEnded(stage: StageResult): void
  sweepEnded(sweep: Sweep): void
}

/** Asks each target a few times to learn its ways, runs all stages, and sums them up. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { targets, sweeps, seed, signal, watcher, slo, command } = options
  const [began, startedAt] = [performance.now(), new Date().toISOString()]
  const random = seededRandom(seed)
  const calibrations = new Map<string, Calibration>()
  for (const [model, target] of targets) {
    if (signal.aborted) break
    const calibration = await calibrate(target, random)
    calibrations.set(model, calibration)
    watcher.calibrated(model, calibration)
  }
  const done: Sweep[] = []
  const count = sweeps.reduce((sum, { stages }) => sum + stages.length, 0)
  let position = 0
  for (const sweep of sweeps) {
    if (signal.aborted) break
    watcher.sweepBegins(sweep)
    const stages: StageResult[] = []
    let workload = ''
    for (const stage of sweep.stages) {
      const [target, calibration] = [targets.get(stage.model), calibrations.get(stage.model)]
      if (signal.aborted || !target || !calibration) break
      const result = await measured(stage, { ...options, target, calibration, random }, ++position, count)
      workload ||= result.workload
      stages.push(result.stage)
      watcher.stageEnded(result.stage)
    }
    const fits = fitsOf(sweep.kind, stages)
    const lessons = lessonsOf(sweep.kind, { stages, fits })
    const ended: Sweep = { kind: sweep.kind, title: sweep.title, workload, stages, fits, lessons }
    done.push(ended)
    watcher.sweepEnded(ended)
  }
  const [first] = targets.values()
  return {
    inferloomBench: resultVersion,
    command,
    startedAt,
    tookSeconds: (performance.now() - began) / 1000,
    client: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${systemType()} ${release()}, Node ${process.version}`,
    target: first?.url ?? '',
    dialect: first?.wire.name ?? '',
    seed,
    slo,
    tokenCounts: tokenCounts([...calibrations.values()]),
    notes: [...options.notes, ...outputNotes(calibrations)],
    isInterrupted: signal.aborted,
    sweeps: done,
  }
}

interface StageContext extends BenchOptions {
  readonly target: Target
  readonly calibration: Calibration
  readonly random: () => number
}

async function measured(
  planned: PlannedStage,
  context: StageContext,
  position: number,
  count: number,
): Promise<{ stage: StageResult; workload: string }> {
  const { target, watcher, signal, random, slo, prices } = context
  const spec = planned.spec(context)
  watcher.stageBegins(spec.name, position, count)
  const run = await runStage(target, spec, { random, signal, onProgress: (progress) => watcher.progress(progress) })
  const { x, model } = planned
  return { stage: summarize(run, spec, { model, x, slo, price: prices.get(model) }), workload: spec.workload.about }
}

/** The curves by which routing and the advisor predict. */
function fitsOf(kind: SweepKind, stages: readonly StageResult[]): FitLine[] {
  const [first] = stages
  if (!first) return []
  const { model } = first
  const points = (x: (stage: StageResult) => number, y: (stage: StageResult) => number | undefined) =>
    stages.flatMap((stage): (readonly [number, number])[] => {
      const value = y(stage)
      return value === undefined ? [] : [[x(stage), value]]
    })
  const fits: Partial<Record<SweepKind, () => FitLine | undefined>> = {
    'prompt-length': () =>
      fitLinear(
        'ttft-by-prompt-tokens',
        model,
        points(meanPrompt, ({ ttft }) => ttft?.p50.value),
      ),
    'output-length': () =>
      fitLinear(
        'latency-by-output-tokens',
        model,
        points(meanOutput, ({ latency }) => latency?.p50.value),
      ),
    concurrency: () =>
      fitSaturation(
        'tokens-per-second-by-concurrency',
        model,
        points(
          ({ x }) => x,
          ({ outputTokensPerSecond }) => outputTokensPerSecond.value,
        ),
      ),
  }
  return [fits[kind]?.() ?? []].flat()
}

function tokenCounts(calibrations: readonly Calibration[]): string {
  const counted = calibrations.filter(({ countsTokens }) => countsTokens).length
  if (counted === calibrations.length) return 'as the server reports them'
  const estimate = 'estimates: a token for each 4 bytes of text, and for each piece of an answer one at least'
  return counted === 0
    ? `${estimate}; the server reports none`
    : `as the servers report them; where they do not, ${estimate}`
}

function outputNotes(calibrations: ReadonlyMap<string, Calibration>): string[] {
  const free = [...calibrations].filter(([, { manner }]) => manner.keepWriting === undefined).map(([model]) => model)
  if (free.length === 0) return []
  return [`Nothing keeps ${free.join(', ')} writing: answers may be shorter than asked for. Lengths are what came.`]
}
