import { localCaller } from '../../src/gateway/caller.ts'
import type { Models } from '../../src/gateway/models.ts'
import type { Plan } from '../../src/gateway/routing/plan.ts'
import { RoutePlanner } from '../../src/gateway/routing/planner.ts'
import { Routes } from '../../src/gateway/routing/routes.ts'
import { answered, around, quantile, simulatedParts, type Answered, type Behaviour } from './providers.ts'
import { VirtualTime } from './virtual-time.ts'

const minuteMs = 60_000
const perSecond = 20

/** Two providers in turns: for two minutes one fails three times of ten, for two the other takes three times as long. */
export async function failingInTurns(random: () => number) {
  const time = new VirtualTime()
  const trouble = (now: number) => Math.floor(now / (2 * minuteMs)) % 4
  const times = () => {
    const ttftMs = around(200, random)
    return { ttftMs, totalMs: ttftMs + around(600, random) }
  }
  const slowly = (factor: number) => {
    const { ttftMs, totalMs } = times()
    return { ttftMs: factor * ttftMs, totalMs: factor * totalMs }
  }
  const failing = () => ({ ...times(), fails: random() < 0.3 })
  const a: Behaviour = (now) => (trouble(now) === 0 ? failing() : trouble(now) === 2 ? slowly(3) : times())
  const b: Behaviour = (now) => (trouble(now) === 1 ? slowly(3) : trouble(now) === 3 ? failing() : times())
  const answers = await asked(
    time,
    random,
    'fastest',
    new Map([
      ['a/m', a],
      ['b/m', b],
    ]),
    24 * minuteMs,
  )
  const healthy = Array.from({ length: 20_000 }, () => times().totalMs)
  const latencies = answers.filter(({ ok }) => ok).map(({ latencyMs }) => latencyMs)
  return {
    requests: answers.length,
    availability: latencies.length / answers.length,
    p99: quantile(latencies, 0.99),
    healthyP99: quantile(healthy, 0.99),
  }
}

/** A provider of which two answers of a hundred take twenty times as long, with hedging and without. */
export async function slowTail(random: () => number, hedge: boolean) {
  const time = new VirtualTime()
  const behaviour: Behaviour = () => {
    const ttftMs = around(200, random, 0.1) * (random() < 0.02 ? 20 : 1)
    return { ttftMs, totalMs: ttftMs + 300 }
  }
  let sent = 0
  const counted: Behaviour = (now) => {
    sent++
    return behaviour(now)
  }
  const behaviours = new Map([
    ['a/m', counted],
    ['b/m', counted],
  ])
  const answers = await asked(time, random, 'least-busy', behaviours, 10 * minuteMs, { hedge })
  const latencies = answers.map(({ latencyMs }) => latencyMs)
  return { p99: quantile(latencies, 0.99), extraShare: sent / answers.length - 1 }
}

/** Of two providers one is dead. */
export async function deadDeployment(random: () => number) {
  const time = new VirtualTime()
  let askedTheDead = 0
  const dead: Behaviour = () => {
    askedTheDead++
    return { ttftMs: 50, totalMs: 50, fails: true }
  }
  const alive: Behaviour = () => ({ ttftMs: 200, totalMs: 500 })
  const behaviours = new Map([
    ['a/m', dead],
    ['b/m', alive],
  ])
  const answers = await asked(time, random, 'ordered', behaviours, 30 * minuteMs)
  return {
    requests: answers.length,
    failed: answers.filter(({ ok }) => !ok).length,
    extraShare: askedTheDead / answers.length,
    /** After the first minute, when it is known to be dead: probes alone. */
    perMinuteOnceOpen: askedTheDead / 30,
  }
}

async function asked(
  time: VirtualTime,
  random: () => number,
  objective: 'fastest' | 'least-busy' | 'ordered',
  behaviours: ReadonlyMap<string, Behaviour>,
  forMs: number,
  reliability: object = {},
): Promise<Answered[]> {
  const names = [...behaviours.keys()]
  const models = fakeModels(names)
  const settings = { objective, candidates: names, require: {}, bestEffort: false, affinity: false, reliability }
  const routes = new Routes({ models, settings: { route: settings }, withBuiltin: false })
  const parts = simulatedParts(time, random, {
    began: (candidate, ttftMs) => planner.began(candidate, ttftMs),
    learn: (candidate, outcome) => planner.learn(candidate, outcome),
  })
  const { health } = parts
  const planner = new RoutePlanner({
    models,
    routes,
    prices: undefined,
    health,
    timekeeper: time,
    random,
    explore: 0.02,
  })
  const answers: Answered[] = []
  for (let at = 0; at < forMs; at += 1000 / perSecond) {
    time.after(at, () => {
      const plan: Plan = planner.plan({
        model: 'route',
        caller: localCaller,
        wishes: {},
        maxOutputTokens: 20,
        stream: true,
        receivedAt: time.now(),
      })
      void answered(time, parts, plan, behaviours).then((answer) => answers.push(answer))
    })
  }
  await time.run()
  return answers
}

/** Of names alone: whoever plays them is asked elsewhere. */
function fakeModels(names: readonly string[]): Models {
  const served = new Map(
    names.map((name) => [name, { provider: { name: name.split('/')[0] }, model: name.split('/')[1] ?? name }]),
  )
  const find = (name: string) => served.get(name)
  return { find, peek: find, list: () => [], glance: () => undefined } as unknown as Models
}
