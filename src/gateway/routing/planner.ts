import { InferloomError } from '../../canonical/errors.ts'
import { measuredQuality } from '../../catalog/model-facts.ts'
import type { Prices } from '../../catalog/price.ts'
import { askedFor } from '../../storage/ledger/asked-for.ts'
import { estimateInput } from '../limits/estimate.ts'
import type { Models } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { Affinity } from './affinity.ts'
import { ordered, type Choice } from './choosing.ts'
import { ExpectedCosts, type CostLine } from './expected-cost.ts'
import { shortcoming, standingOf, type Wanted } from './fitness.ts'
import type { Health } from './health.ts'
import { Observed } from './observed.ts'
import type { AttemptOutcome, Candidate, Excluded, Plan, PlanAsked, Planned, Planner, Prediction } from './plan.ts'
import { candidateId, PlainPlanner } from './plain-planner.ts'
import type { Route, RouteCandidate, Routes } from './routes.ts'

export interface PlannerParts {
  readonly models: Models
  readonly routes: Routes
  readonly prices: Prices | undefined
  readonly health: Health
  readonly timekeeper: Timekeeper
  readonly random: () => number
  /** The share of requests that goes to a candidate of which nothing is known. */
  readonly explore: number
}

/** Candidates of which something is remembered; of more, those that came first are forgotten. */
const mostObserved = 2000
/** Expected of an answer whose length nobody knows. */
const unknownOutput = 256
/** Of a prompt whose beginning a candidate has read lately: what it reads from its cache. */
const warmShare = 0.7

/** Chooses by what was measured here: times of each candidate by the length of the prompt, prices, quality, and load. */
export class RoutePlanner implements Planner {
  readonly #parts: PlannerParts
  readonly #plain: PlainPlanner
  readonly #costs: ExpectedCosts
  readonly #affinity = new Affinity()
  readonly #observed = new Map<string, Observed>()

  constructor(parts: PlannerParts) {
    this.#parts = parts
    this.#plain = new PlainPlanner(parts.models)
    this.#costs = new ExpectedCosts(parts.prices, parts.timekeeper)
  }

  plan(asked: PlanAsked): Plan {
    const route = this.#parts.routes.find(asked.model)
    return route ? this.#planRoute(route, asked) : this.#plain.plan(asked)
  }

  learn({ id }: Candidate, outcome: AttemptOutcome): void {
    let observed = this.#observed.get(id)
    if (!observed) {
      if (this.#observed.size >= mostObserved) this.#observed.clear()
      this.#observed.set(id, (observed = new Observed()))
    }
    observed.add(outcome, this.#parts.timekeeper.now())
  }

  #planRoute(route: Route, asked: PlanAsked): Plan {
    const { random } = this.#parts
    const objective = asked.wishes.objective ?? route.objective
    const warmKey = route.affinity ? this.#affinity.keyOf(route.name, asked.text) : undefined
    const warm = warmKey === undefined ? undefined : this.#affinity.candidateOf(warmKey)
    const wanted = this.#wanted(route, asked)
    const excluded: Excluded[] = []
    const choices: Choice[] = []
    for (const [position, candidate] of route.candidates.entries()) {
      const { choice, why } = this.#choiceOf(candidate, position, wanted, asked, warm)
      if (why === undefined || (route.bestEffort && choice)) choices.push(choice as Choice)
      if (why !== undefined) excluded.push({ id: choice?.planned.id ?? candidate.name, why })
    }
    if (choices.length === 0) throw noCandidate(route, excluded)
    // Who keeps to what is wanted comes first, then those of whom it is not known, then those who may be late.
    const standings = [0, 1, 2, 3].map((standing) =>
      choices.filter(({ planned }) => standingOf(planned.prediction, wanted) === standing),
    )
    const [meets = [], unknown = [], late = [], later = []] = standings
    const soonest = (these: readonly Choice[]) => ordered(these, 'fastest', random)
    let all = [
      ...ordered(meets, objective, random),
      ...ordered(unknown, objective, random),
      ...soonest(late),
      ...soonest(later),
    ]
    all = this.#explored(all)
    const first = all[0] as Choice
    if (warmKey !== undefined) this.#affinity.remember(warmKey, first.planned.id)
    return {
      route: route.name,
      objective,
      candidates: all.map(({ planned }) => planned),
      excluded,
      why: reasonOf(first.planned, objective, route.candidates.length),
      reliability: route.reliability,
    }
  }

  #wanted({ require }: Route, { wishes, body, text, deadlineAt, maxOutputTokens, stream }: PlanAsked): Wanted {
    const left = deadlineAt === undefined ? undefined : deadlineAt - this.#parts.timekeeper.now()
    const needs = askedFor(body ?? {})
    return {
      ...require,
      ...wishes,
      deadlineMs: left,
      needs: needs === '' ? [] : needs.split(','),
      promptTokens: estimateInput(text),
      maxOutputTokens,
      stream,
    }
  }

  #choiceOf(
    candidate: RouteCandidate,
    position: number,
    wanted: Wanted,
    asked: PlanAsked,
    warm: string | undefined,
  ): { readonly choice?: Choice; readonly why?: string } {
    const { models, health } = this.#parts
    const served = models.peek(candidate.name)
    if (!served) return { why: 'is not there now' }
    const id = candidateId(served)
    const line = this.#costs.line(id, served)
    const isWarm = id === warm
    const prediction = this.#predict(id, candidate, line, wanted, isWarm)
    const planned: Planned = { served, id, prediction }
    const choice = {
      planned,
      weight: candidate.weight,
      position,
      inFlight: health.inFlight(planned),
      failureShare: health.failureShare(planned),
      outputPrice: line && line.perOutput * 1e6,
      isWarm,
    }
    const contextTokens = models.contextOf(candidate.name)
    const lacks = served.provider.lacks?.(served.model) ?? []
    const why = shortcoming(prediction, wanted, { contextTokens, lacks, region: candidate.region })
    return why === undefined ? { choice } : { choice, why }
  }

  #predict(
    id: string,
    { name, quality }: RouteCandidate,
    line: CostLine | undefined,
    { promptTokens, maxOutputTokens }: Wanted,
    isWarm: boolean,
  ): Prediction {
    const now = this.#parts.timekeeper.now()
    const times = this.#observed.get(id)?.expected(promptTokens, maxOutputTokens, now)
    const output = times?.output ?? Math.min(maxOutputTokens ?? unknownOutput, unknownOutput)
    const cached = isWarm ? promptTokens * warmShare : 0
    const cost =
      line &&
      line.perRequest + line.perInput * (promptTokens - cached) + line.perCachedInput * cached + line.perOutput * output
    return {
      ttftMs: times?.ttftMs,
      ttftP95Ms: times?.ttftP95Ms,
      ttftP90Ms: times?.ttftP90Ms,
      latencyMs: times?.latencyMs,
      latencyP90Ms: times?.latencyP90Ms,
      cost,
      quality: quality ?? measuredQuality(name),
    }
  }

  /** Now and then one of whom nothing is known goes first, or nothing would ever be known of it. */
  #explored(choices: readonly Choice[]): Choice[] {
    const { random, explore } = this.#parts
    const [first] = choices
    // Where nothing is known of the first either, it is explored anyway.
    if (first?.planned.prediction?.latencyMs === undefined || random() >= explore) return [...choices]
    const unknown = choices.filter(({ planned }) => planned.prediction?.latencyMs === undefined)
    const one = unknown[Math.floor(random() * unknown.length)]
    return one ? [one, ...choices.filter((each) => each !== one)] : [...choices]
  }
}

/** Lines that a message lists. */
const mostShown = 12

function noCandidate({ name, candidates }: Route, excluded: readonly Excluded[]): InferloomError {
  const shown = excluded.slice(0, mostShown).map(({ id, why }) => `${id} ${why}`)
  const more = excluded.length > mostShown ? `; and ${excluded.length - mostShown} more` : ''
  const message = `None of the ${candidates.length} candidates of ${name} can do what is asked: ${shown.join('; ')}${more}. Remedy: ask for less, or set routes.${name}.bestEffort.`
  return new InferloomError('no_candidate', message, { param: 'model' })
}

function reasonOf({ prediction }: Planned, objective: string, of: number): string {
  const { latencyMs, cost } = prediction ?? {}
  const expected = [
    ...(latencyMs === undefined ? [] : [`${Math.round(latencyMs)} ms`]),
    ...(cost === undefined ? [] : [`$${Number(cost.toPrecision(2))}`]),
  ]
  return `${objective} of ${of}${expected.length > 0 ? `: ${expected.join(', ')} expected` : ''}`
}
