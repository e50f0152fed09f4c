import { InferloomError } from '../canonical/errors.ts'
import type { Calibration } from './calibrate.ts'
import type { DataRow } from './data-rows.ts'
import { parseLengths, type Lengths } from './lengths.ts'
import type { BenchRequest } from './request.ts'
import { syntheticWorkload, type Workload } from './synthetic.ts'

export interface DataOptions {
  /** For the report. */
  readonly file: string
  readonly rows: readonly DataRow[]
  /** Where a row does not say it. */
  readonly output: Lengths
  readonly random: () => number
  readonly calibration: Calibration
}

/** The rows of a file, again and again, in their order. Rows with lengths alone get synthetic prompts of that length. */
export function dataWorkload(options: DataOptions): Workload {
  const { file, rows, output, random } = options
  let index = 0
  return {
    about: `${file}: ${rows.length} rows`,
    next: () => {
      const row = rows[index++ % rows.length]
      if (!row) throw new InferloomError('invalid_value', `${file} has no rows.`, { param: '--data' })
      const maxTokens = row.outputTokens ?? Math.max(1, output.draw(random))
      if (!row.messages) return ofLength(row.promptTokens ?? 1, maxTokens, options)
      const { messages, expected } = row
      // A recorded answer ended where it ended, and one that is judged has to end as the model wants.
      const keepWriting = row.outputTokens !== undefined && expected === undefined
      return { messages, maxTokens, keepWriting, ...(expected && { expected }) }
    },
  }
}

function ofLength(promptTokens: number, maxTokens: number, { random, calibration }: DataOptions): BenchRequest {
  const [prompt, output] = [promptTokens, maxTokens].map((tokens) =>
    parseLengths(String(Math.min(Math.max(1, Math.round(tokens)), 1_000_000)), '--data'),
  ) as [Lengths, Lengths]
  return syntheticWorkload({ prompt, output, sharedPrefix: 0, random, calibration }).next()
}

/** When each row is due, in milliseconds from the first, and the rows in that order. Throws where they have no times. */
export function recordedTimes(
  file: string,
  rows: readonly DataRow[],
  speed: number,
): { rows: DataRow[]; times: number[] } {
  const sorted = rows.filter(({ at }) => at !== undefined).sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  const [first] = sorted
  if (!first) {
    const message = `--replay: no line of ${file} says when it was asked (timestamp or received_at, in milliseconds or as a date).`
    throw new InferloomError('invalid_value', message, { param: '--replay' })
  }
  return { rows: sorted, times: sorted.map(({ at = 0 }) => (at - (first.at ?? 0)) / speed) }
}
