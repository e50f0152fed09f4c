import type { Prices } from '../../src/catalog/price.ts'
import { configSchema } from '../../src/config/schema.ts'
import { localCaller } from '../../src/gateway/caller.ts'
import { Models } from '../../src/gateway/models.ts'
import { DeploymentHealth } from '../../src/gateway/routing/deployment-health.ts'
import { RoutePlanner } from '../../src/gateway/routing/planner.ts'
import { Routes, type RouteSettings } from '../../src/gateway/routing/routes.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { VirtualTime } from './virtual-time.ts'

/** How a made-up model answers, in milliseconds, and its price in US dollars for a million tokens. */
interface MadeUp {
  readonly ttftMs: number
  readonly msPerPromptToken: number
  readonly tpotMs: number
  readonly input: number
  readonly output: number
  /** By how much it is busier at times, in turns of 40 minutes. */
  readonly busier: number
}

const minuteMs = 60_000
/** Of logarithms around what is usual: nine of ten first tokens come within 1.3 times that. */
const spreads = { ttft: 0.2, tpot: 0.1 }

/** About what a fast host, a usual one and a machine of one's own take for a middling model. */
const models = {
  fast: { ttftMs: 250, msPerPromptToken: 0.03, tpotMs: 7, input: 2.5, output: 10, busier: 0 },
  middle: { ttftMs: 500, msPerPromptToken: 0.06, tpotMs: 16, input: 0.8, output: 3.2, busier: 0 },
  slow: { ttftMs: 800, msPerPromptToken: 0.3, tpotMs: 40, input: 0.1, output: 0.4, busier: 0.5 },
} satisfies Record<string, MadeUp>

/**
 * What clients ask: from how short to how long their prompts are, most tokens and the usual ones of an answer, how far
 * apart answers are, and by when they are wanted by those who wait for them and by those who do not.
 */
const kinds = [
  { prompt: [200, 1500], most: 16, output: 10, spread: 0.3, deadlinesMs: [1000, 10_000] },
  { prompt: [500, 4000], most: 300, output: 120, spread: 0.2, deadlinesMs: [4000, 30_000] },
  { prompt: [100, 6000], most: 600, output: 220, spread: 0.4, deadlinesMs: [5000, 60_000] },
  { prompt: [300, 3000], most: 1500, output: 1000, spread: 0.3, deadlinesMs: [20_000, 120_000] },
] as const

export interface DeadlineRoutingOptions {
  readonly random: () => number
  readonly models: readonly (keyof typeof models)[]
  /** `clients`: each has one of its two; `anywhere`: between them, so that most are near what some model takes. */
  readonly deadlines: 'clients' | 'anywhere'
}

/** How deadlines were met by whom. */
interface Outcome {
  /** Of the deadlines that at least one candidate kept to, as it turned out. */
  readonly metShare: number
  /** What was paid for these, in times what the cheapest candidates that kept to them would have cost. */
  readonly costOfBest: number
}

export interface DeadlineRouting extends Outcome {
  readonly requests: number
  /** Of one who knows what each takes and how far apart it is, as nobody can, but not how the dice will fall. */
  readonly knowing: Outcome
  /** Where one candidate is asked for everything. */
  readonly fixed: Readonly<Record<string, Outcome>>
}

/** Three hours of requests with deadlines, at candidates of which the fast ones are dear and the slow ones cheap. */
export async function deadlineRouting(options: DeadlineRoutingOptions): Promise<DeadlineRouting> {
  const { random, models: names } = options
  const time = new VirtualTime()
  const { planner, health } = openPlanner(time, options)
  const own = new Tally()
  const knowing = new Tally()
  const fixed = names.map((name) => ({ name, tally: new Tally() }))
  let requests = 0
  const client = async () => {
    requests++
    const asked = question(time.now(), options)
    const { kind, promptTokens, deadlineMs, stream, answers } = asked
    const plan = planner.plan({
      model: 'route',
      caller: localCaller,
      wishes: {},
      // An estimate of its length, which is a sixth too long.
      text: 'one '.repeat(Math.round(promptTokens * 1.15)),
      maxOutputTokens: kind.most,
      stream,
      deadlineAt: time.now() + deadlineMs,
      receivedAt: time.now(),
    })
    const [chosen] = plan.candidates
    const answer = answers.find(({ name }) => `host/${name}` === chosen?.id)
    if (!chosen || !answer) throw new Error('nobody was chosen')
    own.add(asked, answer.name)
    knowing.add(asked, likely(asked, time.now(), options))
    for (const { name, tally } of fixed) tally.add(asked, name)
    const watch = health.begin(chosen)
    // The deadline ends what is too late, and how long it would have taken is never known.
    const isLate = answer.totalMs > deadlineMs
    const totalMs = Math.min(answer.totalMs, deadlineMs)
    await time.sleep(totalMs)
    const ttftMs = stream ? answer.ttftMs : answer.totalMs
    const outcome = {
      promptTokens: isLate ? undefined : promptTokens,
      outputTokens: isLate ? undefined : asked.outputTokens,
      ttftMs: ttftMs <= totalMs ? ttftMs : undefined,
      totalMs,
      ended: isLate ? ('failed' as const) : ('ok' as const),
    }
    // That nobody is left alone for it shows what planning does by itself.
    watch?.ended({ ...outcome, ended: 'ok' })
    planner.learn(chosen, outcome)
  }
  const arrive = () => {
    void client()
    if (time.now() < 180 * minuteMs) time.after(-Math.log(1 - random()) * 1000, arrive)
  }
  arrive()
  await time.run()
  const shares = Object.fromEntries(fixed.map(({ name, tally }) => [name, tally.outcome()]))
  return { requests, ...own.outcome(), knowing: knowing.outcome(), fixed: shares }
}

type Question = ReturnType<typeof question>

/** Counts requests whose deadlines somebody kept to. */
class Tally {
  #possible = 0
  #met = 0
  #cost = 0
  #best = 0

  add({ answers, deadlineMs }: Question, chosen: string): void {
    const inTime = answers.filter(({ totalMs }) => totalMs <= deadlineMs)
    if (inTime.length === 0) return
    this.#possible++
    this.#best += Math.min(...inTime.map(({ cost }) => cost))
    this.#cost += answers.find(({ name }) => name === chosen)?.cost ?? 0
    if (inTime.some(({ name }) => name === chosen)) this.#met++
  }

  outcome(): Outcome {
    return { metShare: this.#met / this.#possible, costOfBest: this.#cost / this.#best }
  }
}

function openPlanner(time: VirtualTime, { random, models: names }: DeadlineRoutingOptions) {
  const list = names.map((id) => ({ id, ownedBy: 'host', created: 0 }))
  const host = { name: 'host', models: () => list } as unknown as Provider
  const prices: Pick<Prices, 'prepare' | 'cost'> = {
    prepare: () => undefined,
    cost({ model, usage }) {
      const usd = costOf(models[model as keyof typeof models], usage.inputTokens.total, usage.outputTokens.total)
      return { usd, price: '' }
    },
  }
  const { breaker } = configSchema.parse({}).reliability
  const health = new DeploymentHealth({ settings: breaker, timekeeper: time, random })
  const known = new Models({ local: [], remote: [host] })
  const candidates = names.map((name) => `host/${name}`)
  const more = { require: {}, bestEffort: true, affinity: false, reliability: {} }
  const settings: Record<string, RouteSettings> = { route: { objective: 'cheapest', candidates, ...more } }
  const routes = new Routes({ models: known, settings, withBuiltin: false })
  const parts = { models: known, routes, prices: prices as Prices, health, timekeeper: time, random, explore: 0.02 }
  return { planner: new RoutePlanner(parts), health }
}

function question(now: number, { random, deadlines, models: names }: DeadlineRoutingOptions) {
  const kind = kinds[Math.floor(random() * kinds.length)] ?? kinds[0]
  const promptTokens = Math.round(between(kind.prompt, random))
  const outputTokens = lengthOf(kind, random)
  const [soon, late] = kind.deadlinesMs
  const deadlineMs = deadlines === 'anywhere' ? between(kind.deadlinesMs, random) : random() < 0.5 ? soon : late
  const answers = names.map((name) => {
    const times = timesOf(models[name], promptTokens, outputTokens, now, random)
    return { name, ...times, cost: costOf(models[name], promptTokens, outputTokens) }
  })
  return { kind, promptTokens, outputTokens, deadlineMs, stream: random() < 0.5, answers }
}

/** The cheapest of which nine of ten answers would be in time, or else the one that most often is. */
function likely(
  { kind, promptTokens, deadlineMs }: Question,
  now: number,
  { random, models: names }: DeadlineRoutingOptions,
): string {
  const samples = 100
  const chances = names.map((name) => {
    let met = 0
    for (let sample = 0; sample < samples; sample++) {
      const { totalMs } = timesOf(models[name], promptTokens, lengthOf(kind, random), now, random)
      if (totalMs <= deadlineMs) met++
    }
    return { name, chance: met / samples, price: models[name].output }
  })
  const sure = chances.filter(({ chance }) => chance >= 0.9).toSorted((a, b) => a.price - b.price)
  return (sure[0] ?? chances.toSorted((a, b) => b.chance - a.chance)[0])?.name ?? ''
}

function timesOf(model: MadeUp, promptTokens: number, outputTokens: number, now: number, random: () => number) {
  const busy = 1 + (model.busier / 2) * (1 + Math.sin((2 * Math.PI * now) / (40 * minuteMs)))
  const ttftMs = busy * (model.ttftMs + model.msPerPromptToken * promptTokens) * spread(spreads.ttft, random)
  return { ttftMs, totalMs: ttftMs + busy * model.tpotMs * (outputTokens - 1) * spread(spreads.tpot, random) }
}

function lengthOf(kind: (typeof kinds)[number], random: () => number): number {
  return Math.max(1, Math.min(kind.most, Math.round(kind.output * spread(kind.spread, random))))
}

function costOf({ input, output }: MadeUp, inputTokens: number, outputTokens: number): number {
  return (input * inputTokens + output * outputTokens) / 1e6
}

/** As often in each tenth of the way, by ratio. */
function between([least, most]: readonly [number, number], random: () => number): number {
  return least * (most / least) ** random()
}

/** Of a logarithmic normal distribution around 1 (Box and Muller). */
function spread(sigma: number, random: () => number): number {
  return Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
}
