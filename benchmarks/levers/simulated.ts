import { deadlineRouting } from '../../test/simulation/deadline-routing.ts'
import { pacing, type PacingOptions } from '../../test/simulation/pacing.ts'
import { deadDeployment, failingInTurns, slowTail } from '../../test/simulation/reliability.ts'
import { seededRandom } from '../seeded-random.ts'
import { median } from '../statistics.ts'
import type { Bar, Section } from '../workload.ts'

/** The levers that decide, in virtual time: the median of so many seeds, and the worst of them for the bars. */
export async function simulated(seeds: number, progress: (what: string) => void): Promise<Section> {
  const rows: string[][] = []
  const bars: Bar[] = []
  const each = async <Result>(what: string, run: (random: () => number) => Promise<Result>): Promise<Result[]> => {
    progress(`simulated: ${what}`)
    const results: Result[] = []
    for (let seed = 1; seed <= seeds; seed++) results.push(await run(seededRandom(seed)))
    return results
  }
  const row = (what: string, said: string) => rows.push([what, said])

  for (const counts of ['by the minute', 'refilling'] as const) {
    for (const known of ['configured', 'told', 'unknown'] as const) {
      const options = (random: () => number): PacingOptions => ({
        counts,
        known,
        random,
        tokens: (drawn) => 200 + Math.round(drawn * 3000),
      })
      const what = `pacing, provider counts ${counts}, limits ${known}`
      const results = await each(what, (random) => pacing(options(random)))
      const of = (read: (result: (typeof results)[number]) => number) => results.map(read)
      const used = of(({ usedShare }) => usedShare)
      const refused = of(({ reachedClients }) => reachedClients)
      const order = of(({ outOfOrder }) => outOfOrder)
      const open = of(({ asked, ended }) => asked - ended)
      row(
        what,
        `${(100 * median(used)).toFixed(1)} % of the limit used; 429s: ${median(of(({ refused }) => refused))} from the provider, ${Math.max(...refused)} to clients; ${Math.max(...order)} out of order; ${Math.max(...open)} never ended`,
      )
      if (known === 'unknown') continue
      bars.push({ what: `${what}: 429s to clients`, value: Math.max(...refused), unit: '', atMost: 0 })
      bars.push({ what: `${what}: share of the limit used`, value: Math.min(...used), unit: '', atLeast: 0.95 })
      bars.push({
        what: `${what}: out of order, or never ended`,
        value: Math.max(...order, ...open),
        unit: '',
        atMost: 0,
      })
    }
  }

  const turns = await each('two providers that fail or are slow in turns', failingInTurns)
  const worst = (values: readonly number[]) => Math.max(...values)
  const slower = turns.map(({ p99, healthyP99 }) => p99 / healthyP99)
  row(
    'one fails 30 %, one takes 3 ×, in turns',
    `availability ${(100 * Math.min(...turns.map(({ availability }) => availability))).toFixed(3)} %; p99 ${median(slower).toFixed(2)} × that of a healthy one`,
  )
  bars.push({
    what: 'failing in turns: availability',
    value: Math.min(...turns.map(({ availability }) => availability)),
    unit: '',
    atLeast: 0.999,
  })
  bars.push({ what: 'failing in turns: p99 ÷ healthy p99', value: worst(slower), unit: '×', atMost: 1.5 })

  const tails = await each('hedging', async (random) => {
    const hedged = await slowTail(random, true)
    const alone = await slowTail(random, false)
    return { p99: hedged.p99 / alone.p99, extra: hedged.extraShare }
  })
  row(
    'hedging, 2 % of answers 20 × as slow',
    `p99 ${median(tails.map(({ p99 }) => p99)).toFixed(2)} × of without; ${(100 * median(tails.map(({ extra }) => extra))).toFixed(1)} % more requests`,
  )
  bars.push({ what: 'hedging: p99 ÷ without', value: worst(tails.map(({ p99 }) => p99)), unit: '×', atMost: 0.5 })
  bars.push({ what: 'hedging: extra requests', value: worst(tails.map(({ extra }) => extra)), unit: '', atMost: 0.05 })

  const dead = await each('a dead deployment', deadDeployment)
  const extra = dead.map(({ extraShare }) => extraShare)
  row(
    'a dead deployment, 36,000 requests in 30 minutes',
    `${worst(dead.map(({ failed }) => failed))} failed; ${(100 * median(extra)).toFixed(2)} % had one extra attempt, probes included`,
  )
  bars.push({ what: 'dead deployment: share with an extra attempt', value: worst(extra), unit: '', atMost: 0.01 })

  for (const [what, models, deadlines] of [
    ['deadlines, a fast model and a cheap one', ['fast', 'slow'], 'clients'],
    ['deadlines near what one of three models takes', ['fast', 'middle', 'slow'], 'anywhere'],
  ] as const) {
    const results = await each(what, (random) => deadlineRouting({ random, models, deadlines }))
    const met = results.map(({ metShare }) => metShare)
    const costs = results.map(({ costOfBest }) => costOfBest)
    const knowing = results.map((result) => result.knowing)
    const percent = (shares: readonly number[]) => `${(100 * median(shares)).toFixed(1)} %`
    row(
      what,
      `${percent(met)} of the deadlines that could be met, for ${median(costs).toFixed(2)} × the best choice in hindsight; with all distributions known before: ${percent(knowing.map(({ metShare }) => metShare))} for ${median(knowing.map(({ costOfBest }) => costOfBest)).toFixed(2)} ×`,
    )
    // Near what models take, hindsight knows what nobody can: there, only who knows the distributions is a measure.
    if (deadlines === 'anywhere') continue
    bars.push({ what: `${what}: met`, value: Math.min(...met), unit: '', atLeast: 0.99 })
    bars.push({ what: `${what}: cost ÷ best in hindsight`, value: worst(costs), unit: '×', atMost: 1.05 })
  }
  return { title: 'In virtual time', columns: ['', 'what came of it'], rows, bars }
}
