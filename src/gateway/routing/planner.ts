import { inabilitiesOf } from '../../catalog/model-abilities.ts'
import type { Prices } from '../../catalog/price.ts'
import { askedFor } from '../../storage/ledger/asked-for.ts'
import { mayAsk, refusal } from '../keys/allowed-models.ts'
import { estimateInput } from '../limits/estimate.ts'
import type { Models } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { Affinity, type Warm } from './affinity.ts'
import { ordered, type Choice } from './choosing.ts'
import { explored, freshMs } from './exploring.ts'
import { isTooLong, shortcoming, standingOf, stricter, type Shortcoming, type Wanted } from './fitness.ts'
import type { Health } from './health.ts'
import { noCandidate } from './no-candidate.ts'
import type { AttemptOutcome, Candidate, Excluded, Objective, Plan, PlanAsked, Planned, Planner } from './plan.ts'
import { candidateId, PlainPlanner } from './plain-planner.ts'
import { Predictions, type Foreseen, type QualitySource, type TimesReport } from './predictions.ts'
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
  readonly quality?: QualitySource
}

/** What all candidates of a request are judged by. */
interface Turn {
  readonly wanted: Wanted
  readonly question: Foreseen
  readonly warm: Warm | undefined
  readonly now: number
}

/** What an evaluated candidate comes to. */
interface Judged {
  readonly id: string
  /** Absent where it is not there. */
  readonly choice?: Choice
  readonly shortcoming?: Shortcoming
}

/** Chooses by what was measured here: times of each candidate by the length of the prompt, prices, quality, and load. */
export class RoutePlanner implements Planner {
  #parts: PlannerParts
  readonly #plain: PlainPlanner
  readonly #predictions: Predictions
  readonly #affinity = new Affinity()

  constructor(parts: PlannerParts) {
    this.#parts = parts
    this.#plain = new PlainPlanner(parts.models)
    this.#predictions = new Predictions(parts)
  }

  configure(settings: Pick<PlannerParts, 'explore'>): void {
    this.#parts = { ...this.#parts, ...settings }
  }

  plan(asked: PlanAsked): Plan {
    const route = this.#parts.routes.find(asked.model)
    return route ? this.#planRoute(route, asked) : this.#plain.plan(asked)
  }

  began(candidate: Planned, ttftMs: number): void {
    this.#predictions.began(candidate, ttftMs)
  }

  learn(candidate: Planned, outcome: AttemptOutcome): void {
    this.#predictions.learn(candidate, outcome)
  }

  /** What is known of the times of those that answered last. */
  report(): TimesReport[] {
    return this.#predictions.report()
  }

  #planRoute(route: Route, asked: PlanAsked): Plan {
    const { random, timekeeper, explore } = this.#parts
    const now = timekeeper.now()
    const objective = asked.wishes.objective ?? route.objective
    const wanted = this.#wanted(route, asked, now)
    const beginnings = route.affinity ? this.#affinity.beginningsOf(route.name, asked.text) : undefined
    const warm = beginnings && this.#affinity.warmOf(beginnings, now)
    const { promptTokens, maxOutputTokens, stream } = wanted
    const question = this.#predictions.foresee({ route: route.name, promptTokens, maxOutputTokens, stream })
    const judged = this.#judgeAll(route, asked, { wanted, question, warm, now })
    let choices = judged.flatMap(({ choice, shortcoming }) => (choice && !shortcoming ? [choice] : []))
    const isBestEffort = choices.length === 0 && route.bestEffort
    if (isBestEffort) choices = nearest(judged)
    const excluded = judged.flatMap(({ id, choice, shortcoming }): Excluded[] =>
      shortcoming && !(choice && choices.includes(choice)) ? [{ id, why: shortcoming.why }] : [],
    )
    if (choices.length === 0) throw noCandidate(route, excluded)
    if (!isBestEffort) {
      const inOrder = availableFirst(inTime(choices, objective, wanted, random))
      choices = [...explored(inOrder, { objective, wanted, now, share: explore, random })]
    }
    const [first] = choices as [Choice, ...Choice[]]
    if (beginnings) this.#affinity.remember(beginnings, first.planned.id, now)
    return {
      route: route.name,
      objective,
      candidates: choices.map(({ planned }) => planned),
      excluded,
      why: reasonOf(first, isBestEffort ? 'best effort' : objective, route.candidates.length),
      reliability: route.reliability,
    }
  }

  #wanted({ require }: Route, asked: PlanAsked, now: number): Wanted {
    const { wishes, body, text, deadlineAt, maxOutputTokens, stream } = asked
    const needs = askedFor(body ?? {})
    return {
      ...stricter(require, wishes),
      regions: [require.region, wishes.region].filter((each) => each !== undefined),
      deadlineMs: deadlineAt === undefined ? undefined : deadlineAt - now,
      needs: needs === '' ? [] : needs.split(','),
      promptTokens: estimateInput(text),
      maxOutputTokens,
      stream,
    }
  }

  /** Of those that the caller may ask; others are none of its business. */
  #judgeAll(route: Route, { caller, model }: PlanAsked, turn: Turn): readonly Judged[] {
    const mayAskAll = mayAsk(caller, route.name)
    const judged: Judged[] = []
    for (const [position, candidate] of route.candidates.entries()) {
      const { name } = candidate
      const served = this.#parts.models.peek(name)
      if (!mayAskAll && !mayAsk(caller, name, served)) continue
      judged.push(
        served
          ? this.#judge({ served, id: candidateId(served) }, candidate, position, turn)
          : { id: name, shortcoming: { why: 'is not there now', by: Infinity } },
      )
    }
    if (judged.length === 0) throw refusal(caller, model)
    return judged
  }

  #judge(candidate: Candidate, of: RouteCandidate, position: number, { wanted, question, warm, now }: Turn): Judged {
    const { models, health, routes } = this.#parts
    const { served, id } = candidate
    const { quality, weight, region = routes.regionOf(served.provider.name) } = of
    const { contextTokens, parameters } = models.glance(id) ?? {}
    const isWarm = id === warm?.candidate
    const inFlight = health.inFlight(candidate)
    const warmShare = isWarm ? warm.share : 0
    const predicted = this.#predictions.of({ id, served, quality, parameters, question, warmShare, inFlight })
    const { prediction, longTokens, load, seenAt } = predicted
    const { route, promptTokens, maxOutputTokens, stream } = question
    const mayDo = !isTooLong(promptTokens, predicted.contextTokens) && !isKnownToLack(served.model, wanted.needs)
    const asked = { route, promptTokens, maxOutputTokens, stream, longTokens }
    const planned: Planned = { served, id, prediction, asked }
    const choice: Choice = {
      planned,
      weight,
      position,
      busy: Math.max(inFlight, load ? load.running + load.waiting : 0),
      failureShare: health.failureShare(planned),
      quality: predicted.quality,
      isWarm,
      seenAt,
      isAllowed: mayDo && health.allows(planned),
    }
    const lacks = served.provider.lacks?.(served.model) ?? []
    const ability = { contextTokens, lacks, region, isFresh: now - seenAt < freshMs }
    const missed = shortcoming(prediction, wanted, ability)
    return missed ? { id, choice, shortcoming: missed } : { id, choice }
  }
}

/** Those who keep to what is wanted come first, then those of whom it is not known, then those who may be late. */
function inTime(
  choices: readonly Choice[],
  objective: Objective,
  wanted: Wanted,
  random: () => number,
): readonly Choice[] {
  const standings: Choice[][] = [[], [], [], []]
  for (const each of choices) standings[standingOf(each.planned.prediction, wanted)]?.push(each)
  const [meets = [], unknown = [], late = [], later = []] = standings
  return [
    ...ordered(meets, objective, random),
    ...ordered(unknown, objective, random),
    ...ordered(late, 'fastest', random),
    ...ordered(later, 'fastest', random),
  ]
}

/** By its name, which may be anybody's for another model. */
function isKnownToLack(model: string, needs: readonly string[]): boolean {
  if (needs.length === 0) return false
  const lacks = inabilitiesOf(model)
  return needs.some((need) => lacks.includes(need))
}

/** One that is left alone for a while, or cannot do what is asked by what the catalog has, is not counted on. */
function availableFirst(choices: readonly Choice[]): readonly Choice[] {
  if (choices.every(({ isAllowed }) => isAllowed)) return choices
  return [...choices.filter(({ isAllowed }) => isAllowed), ...choices.filter(({ isAllowed }) => !isAllowed)]
}

/** Those who can answer, though not as is wanted: the one that misses it by least first. */
function nearest(judged: readonly Judged[]): Choice[] {
  return judged
    .flatMap(({ choice, shortcoming }) =>
      choice && shortcoming && shortcoming.by < Infinity ? [{ choice, by: shortcoming.by }] : [],
    )
    .toSorted((a, b) => Number(b.choice.isAllowed) - Number(a.choice.isAllowed) || a.by - b.by)
    .map(({ choice }) => choice)
}

/** Most that is said of it, for people: `fastest of 3: 210 ms, $0.0004 expected`. */
function reasonOf({ planned: { prediction }, isWarm }: Choice, what: string, of: number): string {
  const { latencyMs, cost } = prediction ?? {}
  const expected = [
    ...(latencyMs === undefined ? [] : [`${Math.round(latencyMs)} ms`]),
    ...(cost === undefined ? [] : [`$${Number(cost.toPrecision(2))}`]),
  ]
  const known = isWarm ? ', which has read its beginning' : ''
  return `${what} of ${of}${known}${expected.length > 0 ? `: ${expected.join(', ')} expected` : ''}`
}
