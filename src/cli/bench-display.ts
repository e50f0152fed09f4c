import type { BenchWatcher } from '../bench/bench.ts'
import type { Calibration } from '../bench/calibrate.ts'
import { latenciesOf } from '../bench/latencies.ts'
import type { PlannedSweep } from '../bench/plan.ts'
import { milliseconds, number, percent } from '../bench/report/numbers.ts'
import { errorLines, warningLines } from '../bench/report/stage-table.ts'
import type { StageResult, Sweep } from '../bench/result.ts'
import type { StageProgress } from '../bench/stage.ts'

/** The part of a terminal or a log file that this writes to. */
interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const barWidth = 20
/** Of the latest, whose median is shown while a stage runs. */
const latest = 100

type Column = readonly [title: string, width: number, read: (stage: StageResult) => string]

const columns: readonly Column[] = [
  ['', 22, ({ name }) => name],
  ['requests', 8, ({ completed }) => String(completed)],
  ['failed', 6, ({ failed, unfinished }) => String(failed + unfinished)],
  ['req/s', 8, ({ requestsPerSecond }) => number(requestsPerSecond.value)],
  ['tok/s', 8, ({ outputTokensPerSecond }) => number(outputTokensPerSecond.value)],
  // Of answers that come as they are written.
  ['TTFT p50', 9, ({ ttft }) => milliseconds(ttft?.p50.value)],
  ['p99', 9, ({ ttft }) => milliseconds(ttft?.p99.value)],
  ['TPOT p50', 9, ({ tpot }) => milliseconds(tpot?.p50.value)],
  ['latency p50', 11, ({ latency }) => milliseconds(latency?.p50.value)],
  ['p99', 9, ({ latency }) => milliseconds(latency?.p99.value)],
]

/** The columns above that are of streams alone. */
const ofStreams = { from: 5, to: 8 }

/** Columns that only some runs have. */
const extraColumns: readonly Column[] = [
  ['met', 6, ({ metTargets }) => (metTargets === undefined ? '' : percent(metTargets))],
  ['right', 6, ({ quality }) => (quality ? percent(quality.value) : '')],
  ['$/1,000', 8, ({ costPerThousand }) => (costPerThousand === undefined ? '' : number(costPerThousand))],
]

/** Shows a run as it goes: in a terminal a line that is written over while a stage runs, and a row when it is over. */
export class BenchDisplay implements BenchWatcher {
  readonly #output: Output
  readonly #columns: readonly Column[]
  readonly #stream: boolean
  #stage = ''
  #isOpen = false
  #shownAt = -Infinity

  constructor(output: Output, shows: { targets: boolean; quality: boolean; cost: boolean; stream: boolean }) {
    this.#output = output
    const wanted = [shows.targets, shows.quality, shows.cost]
    const { from, to } = ofStreams
    this.#stream = shows.stream
    this.#columns = [
      ...columns.filter((_, index) => shows.stream || index < from || index >= to),
      ...extraColumns.filter((_, index) => wanted[index]),
    ]
  }

  say(text: string): void {
    this.#clear()
    this.#output.write(`${text}\n`)
  }

  calibrated(model: string, { tokensPerWord, countsTokens, manner }: Calibration): void {
    const counts = countsTokens
      ? `${tokensPerWord.toFixed(2)} tokens a word`
      : 'the server does not count tokens: they are estimated'
    const writes = manner.keepWriting ? 'answers as long as asked for' : 'answers end where the model ends them'
    this.say(`${model}: ${counts}; ${writes}.`)
  }

  sweepBegins({ title, kind }: PlannedSweep): void {
    this.say(`\n${title}\n${this.#row(([title]) => title)}`)
    this.#stage = kind
  }

  stageBegins(name: string, position: number, count: number): void {
    this.#stage = `[${position}/${count}] ${name}`
    this.#shownAt = -Infinity
  }

  progress({ share, elapsedMs, outcomes, inFlight }: StageProgress): void {
    const now = performance.now()
    if (!this.#output.isTTY || now - this.#shownAt < 200) return
    this.#shownAt = now
    const failed = outcomes.reduce((sum, { error }) => sum + (error === undefined ? 0 : 1), 0)
    const times = outcomes
      .slice(-latest)
      .flatMap((outcome) => latenciesOf(outcome)?.[this.#stream ? 'ttft' : 'latency'] ?? [])
      .sort((a, b) => a - b)
    const filled = Math.round(share * barWidth)
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
    const rate = elapsedMs > 0 ? number((outcomes.length * 1000) / elapsedMs) : '–'
    const parts = [
      `${this.#stage} ${bar} ${share < 1 ? percent(share) : 'waiting for the last answers'}`,
      `${outcomes.length} done`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      `${inFlight} under way`,
      `${rate}/s`,
      `${this.#stream ? 'TTFT' : 'latency'} ${milliseconds(times[times.length >> 1])}`,
    ]
    this.#isOpen = true
    // Erased to its end: the next text may be shorter.
    this.#output.write(`\r${parts.join('  ').slice(0, (this.#output.columns ?? 80) - 1)}\u{1B}[K`)
  }

  stageEnded(stage: StageResult): void {
    this.#clear()
    this.#output.write(`${this.#row(([, , read]) => read(stage))}\n`)
  }

  sweepEnded(sweep: Sweep): void {
    for (const line of errorLines(sweep)) this.say(`errors, ${line}`)
    for (const line of warningLines(sweep)) this.say(`note, ${line}`)
    for (const lesson of sweep.lessons) this.say(`\n${wrapped(lesson, Math.min(this.#output.columns ?? 100, 110))}`)
  }

  #row(read: (column: Column) => string): string {
    const cells = this.#columns.map((column, index) => {
      const [, width] = column
      return index === 0 ? read(column).slice(0, width).padEnd(width) : read(column).padStart(width)
    })
    return cells.join('  ').trimEnd()
  }

  #clear(): void {
    if (this.#isOpen) this.#output.write('\r\u{1B}[K')
    this.#isOpen = false
  }
}

function wrapped(text: string, width: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}
