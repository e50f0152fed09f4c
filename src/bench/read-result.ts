import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { InferloomError } from '../canonical/errors.ts'
import { resultVersion } from './result.ts'

const mostBytes = 256 * 1024 * 1024

const estimate = z.object({ value: z.number(), low: z.number(), high: z.number() })
const distribution = z.object({ count: z.number(), p50: estimate, p90: estimate, p95: estimate, p99: estimate })
const stage = z.object({
  name: z.string(),
  model: z.string(),
  x: z.number(),
  sent: z.number(),
  completed: z.number(),
  failed: z.number(),
  requestsPerSecond: estimate,
  outputTokensPerSecond: estimate,
  goodput: estimate.optional(),
  quality: estimate.optional(),
  ttft: distribution.optional(),
  tpot: distribution.optional(),
  itl: distribution.optional(),
  latency: distribution.optional(),
})
const result = z.object({
  inferloomBench: z.number(),
  command: z.string(),
  startedAt: z.string(),
  target: z.string(),
  sweeps: z
    .array(z.object({ kind: z.string(), title: z.string(), workload: z.string(), stages: z.array(stage).readonly() }))
    .readonly(),
})

/** As much of a kept result as a comparison needs. */
export type KeptResult = z.infer<typeof result>
export type KeptStage = z.infer<typeof stage>

/** Reads what `-o run.json` wrote. Throws `invalid_value` with what is wrong with the file. */
export function readResult(file: string): KeptResult {
  const refuse = (why: string) => new InferloomError('invalid_value', `${file} ${why}`, { param: file })
  let value: unknown
  try {
    if (statSync(file).size > mostBytes) throw refuse('is larger than 256 MiB.')
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof InferloomError) throw error
    const why = error instanceof SyntaxError ? 'is not JSON.' : `cannot be read: ${(error as Error).message}.`
    throw refuse(`${why} Remedy: name a file that inferloom bench -o run.json wrote.`)
  }
  const parsed = result.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue && issue.path.length > 0 ? ` (${issue.path.join('.')}: ${issue.message})` : ''
    throw refuse(
      `is not a result of inferloom bench${where}. Remedy: name a file that inferloom bench -o run.json wrote.`,
    )
  }
  if (parsed.data.inferloomBench !== resultVersion) {
    throw refuse(
      `is of version ${parsed.data.inferloomBench}; this inferloom reads ${resultVersion}. Remedy: run it again.`,
    )
  }
  return parsed.data
}
