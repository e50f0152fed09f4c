import type { Functions, Pointer } from './binding/abi.ts'
import { Probe, mostBatchTokens, together, type ProbeSettings, type Work } from './autotune-probe.ts'
import type { Trial, TunedPart, Tuning, TuningResult } from './autotune-result.ts'

export interface AutotuneOptions {
  readonly parts: readonly TunedPart[]
  /** What is used where nothing better is found. */
  readonly defaults: ProbeSettings
  /** Threads above this are not tried, unless they are the default. */
  readonly cores: number
  /** What is not measured by then stays at its default. */
  readonly budgetMs: number
  /** Whether there is memory to use the settings in earnest. */
  readonly affords: (settings: ProbeSettings) => boolean
}

const threadSteps = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128]
const batchSizes = [256, 512, 1024]
/** What is not faster by this share than the default is not worth leaving it for. */
const worthwhile = 0.05
/** What takes so many times as long as another is given up. */
const hopeless = 1.5
const rounds = 2
/** Runs that differ by such a factor were disturbed. */
const unsteady = 1.5
/** Attention weighs little in a short context. */
const attentionWork: Work = { promptTokens: 512, steps: 16 }
const threadWork: Work = { promptTokens: 64, steps: 16 }

/**
 * Measures which threads, attention kernel and batch size are fastest for a model on this machine, one after the
 * other. A generator that pauses after every evaluation, so that whoever has something better to do can end it.
 */
export function* autotune(
  llama: Functions,
  model: Pointer,
  options: AutotuneOptions,
): Generator<void, TuningResult, undefined> {
  const { parts, defaults, cores, budgetMs } = options
  const began = performance.now()
  const trials: Trial[] = []
  const chosen = { ...defaults }
  const tuning: { -readonly [part in keyof Tuning]: Tuning[part] } = {}
  const cost = yield* warmUp(llama, model, defaults)
  /** Leaves each part its share of the time that is left. */
  const shareOf = (part: TunedPart) => (began + budgetMs - performance.now()) / (parts.length - parts.indexOf(part))

  if (parts.includes('threads')) {
    const values = candidates(defaults.threads, threadSteps.filter((threads) => threads <= cores).toReversed())
    const work = within(shareOf('threads') / values.length, threadWork, cost)
    const probe = new Probe(llama, model, { ...defaults, batchTokens: 256, cells: cellsFor(threadWork) })
    try {
      const run = (threads: number, limitMs: number) => {
        probe.useThreads(threads)
        return best(probe, work ?? threadWork, limitMs)
      }
      // What there is no time to compare stays as it is, and is not looked at again at every load.
      const threads = work ? yield* fastest({ part: 'threads', values, run, trials }) : defaults.threads
      if (threads !== undefined) tuning.threads = chosen.threads = threads
    } finally {
      probe.free()
    }
  }
  const inOwnContext = function* (settings: ProbeSettings, work: Work, limitMs: number): Generator<void, Timing> {
    const probe = new Probe(llama, model, { ...settings, cells: cellsFor(work) })
    try {
      return yield* best(probe, work, limitMs)
    } finally {
      probe.free()
    }
  }
  if (parts.includes('flashAttention')) {
    const values = candidates(defaults.flashAttention, [!defaults.flashAttention]).filter(
      (flashAttention) => flashAttention === defaults.flashAttention || options.affords({ ...chosen, flashAttention }),
    )
    const work = within(shareOf('flashAttention') / values.length, attentionWork, cost)
    const run = (flashAttention: boolean, limitMs: number) =>
      inOwnContext({ ...chosen, flashAttention }, work ?? attentionWork, limitMs)
    const flashAttention = work
      ? yield* fastest({ part: 'flashAttention', values, run, trials })
      : defaults.flashAttention
    if (flashAttention !== undefined) tuning.flashAttention = chosen.flashAttention = flashAttention
  }
  if (parts.includes('batchTokens')) {
    const affordable = batchSizes.filter((batchTokens) => options.affords({ ...chosen, batchTokens }))
    const perSize = shareOf('batchTokens') / (affordable.length + 1)
    const sizes = affordable.filter((size) => size * cost.promptTokenMs * rounds < perSize)
    const largest = Math.max(...sizes, defaults.batchTokens)
    // All of them evaluate as much as the largest holds; where there is no time for that, nothing is compared.
    const hasTime = largest * cost.promptTokenMs * rounds < perSize && defaults.batchTokens <= mostBatchTokens
    const run = (batchTokens: number, limitMs: number) =>
      inOwnContext({ ...chosen, batchTokens }, { promptTokens: largest, steps: 0 }, limitMs)
    const values = candidates(defaults.batchTokens, sizes)
    const batchTokens = hasTime ? yield* fastest({ part: 'batchTokens', values, run, trials }) : defaults.batchTokens
    if (batchTokens !== undefined) tuning.batchTokens = batchTokens
  }
  return { tuning, trials }
}

interface Cost {
  readonly stepMs: number
  readonly promptTokenMs: number
}

/** Reads the weights into memory, and tells what an evaluation takes about. */
function* warmUp(llama: Functions, model: Pointer, defaults: ProbeSettings): Generator<void, Cost> {
  const work = { promptTokens: 32, steps: 0 }
  const probe = new Probe(llama, model, { ...defaults, batchTokens: 256, cells: 256 })
  try {
    yield* probe.run(work)
    const promptMs = yield* probe.run(work)
    return { promptTokenMs: promptMs / work.promptTokens, stepMs: yield* probe.run({ promptTokens: 1, steps: 0 }) }
  } finally {
    probe.free()
  }
}

function cellsFor({ promptTokens, steps }: Work): number {
  // Four sequences share the prompt's cells; and llama.cpp rounds up to 256 at any rate.
  return Math.ceil((promptTokens + 5 * steps + 1) / 256) * 256
}

/** As much of the work as there is time for, down to an eighth; undefined where even that is too much. */
function within(milliseconds: number, { promptTokens, steps }: Work, cost: Cost): Work | undefined {
  for (const share of [1, 1 / 2, 1 / 4, 1 / 8]) {
    const work = { promptTokens: Math.ceil(promptTokens * share), steps: Math.ceil(steps * share) }
    const once = work.promptTokens * cost.promptTokenMs + work.steps * (cost.stepMs + together * cost.promptTokenMs)
    if (once * rounds <= milliseconds) return work
  }
  return undefined
}

function candidates<T>(standard: T, others: readonly T[]): T[] {
  return [standard, ...others.filter((value) => value !== standard)]
}

interface Timing {
  readonly milliseconds: number
  /** Whether all runs took about as long: where they did not, something else was running. */
  readonly steady: boolean
}

/** The shortest of a few runs. */
function* best(probe: Probe, work: Work, limitMs: number): Generator<void, Timing> {
  let shortest = yield* probe.run(work, limitMs)
  let longest = shortest
  for (let round = 1; round < rounds && shortest < Infinity; round++) {
    const milliseconds = yield* probe.run(work)
    shortest = Math.min(shortest, milliseconds)
    longest = Math.max(longest, milliseconds)
  }
  return { milliseconds: shortest, steady: shortest === Infinity || longest < shortest * unsteady }
}

interface Race<T extends number | boolean> {
  readonly part: TunedPart
  /** The default first. */
  readonly values: readonly T[]
  readonly run: (value: T, limitMs: number) => Generator<void, Timing>
  readonly trials: Trial[]
}

/** The value to use; undefined where the machine was too busy to tell. */
function* fastest<T extends number | boolean>({ part, values, run, trials }: Race<T>): Generator<void, T | undefined> {
  const [standard] = values
  if (values.length < 2) return standard
  let winner = standard
  let winnerIsSteady = true
  let shortest = Infinity
  let mustBeat = Infinity
  for (const value of values) {
    const { milliseconds, steady } = yield* run(value, shortest * hopeless)
    trials.push({ part, value, ...(milliseconds < Infinity && { milliseconds }) })
    if (milliseconds < Math.min(shortest, mustBeat)) {
      winner = value
      winnerIsSteady = steady
    }
    if (value === standard) mustBeat = milliseconds * (1 - worthwhile)
    shortest = Math.min(shortest, milliseconds)
  }
  return winnerIsSteady ? winner : undefined
}
