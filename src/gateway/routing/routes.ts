import { InferloomError } from '../../canonical/errors.ts'
import { answersQuestions } from '../../catalog/model-facts.ts'
import type { ModelInfo } from '../../providers/provider.ts'
import type { Models, Served } from '../models.ts'
import type { Constraints, Objective, RouteReliability } from './plan.ts'

export interface RoutesParts {
  readonly models: Models
  /** By name. */
  readonly settings: Readonly<Record<string, RouteSettings>>
  readonly withBuiltin: boolean
  /** Where providers run, by their names. */
  readonly regions?: ReadonlyMap<string, string>
}

export interface RouteSettings {
  readonly objective: Objective
  readonly candidates: readonly (
    | string
    | {
        readonly model: string
        readonly weight?: number | undefined
        readonly quality?: number | undefined
        readonly region?: string | undefined
      }
  )[]
  readonly require: { readonly [Name in keyof Constraints]?: Constraints[Name] | undefined }
  readonly bestEffort: boolean
  readonly affinity: boolean
  readonly reliability: { readonly [Name in keyof RouteReliability]?: RouteReliability[Name] | undefined }
}

export interface RouteCandidate {
  /** As the models know it. */
  readonly name: string
  readonly weight: number
  readonly quality: number | undefined
  readonly region: string | undefined
}

export interface Route {
  readonly name: string
  readonly objective: Objective
  readonly candidates: readonly RouteCandidate[]
  readonly require: Constraints
  readonly bestEffort: boolean
  readonly affinity: boolean
  readonly reliability: RouteReliability
  readonly isBuiltin: boolean
}

/** What is built in, where no model has the name. */
const builtin: Readonly<Record<string, Objective>> = {
  auto: 'balanced',
  fast: 'fastest',
  smart: 'best',
  cheap: 'cheapest',
}
/** Of built-in routes: all local models, then those of each provider in turn. All are looked at for each request. */
const mostCandidates = 50
/** Of routes that are made of other routes. */
const mostFlattened = 200
/** Where local models run, whatever the place. */
const local = 'local'
/** Models come and go: the candidates of built-in routes are this old at most, in milliseconds. */
const oldest = 5000

/** Names that clients ask for as a model, each with its candidates. */
export class Routes {
  readonly #models: Models
  #routes: ReadonlyMap<string, Route>
  #withBuiltin: boolean
  #regions: ReadonlyMap<string, string>
  #builtin: ReadonlyMap<string, Route> = new Map()
  #builtAt = -Infinity

  /** Throws `config_invalid` for a candidate that nobody has, and for routes that lead to themselves. */
  constructor({ models, settings, withBuiltin, regions = new Map() }: RoutesParts) {
    this.#models = models
    this.#withBuiltin = withBuiltin
    this.#regions = regions
    const known = new Map<string, readonly Placed[]>()
    this.#routes = new Map(
      Object.entries(settings).map(([name, each]) => {
        const { objective, require, bestEffort, affinity, reliability } = each
        const candidates = flattened(name, settings, [], known)
        for (const { name: model, path } of candidates) refuseUnknown(models, model, path)
        const more = { require: withoutUndefined(require), reliability: withoutUndefined(reliability) }
        return [name, { name, objective, candidates, bestEffort, affinity, ...more, isBuiltin: false }]
      }),
    )
  }

  /** From now on those of other settings; what has a plan already keeps it. */
  adopt(others: Routes): void {
    this.#routes = others.#routes
    this.#withBuiltin = others.#withBuiltin
    this.#regions = others.#regions
    this.#builtAt = -Infinity
  }

  find(name: string): Route | undefined {
    const route = this.#routes.get(name)
    if (route) return route
    // Most names are not of routes, and end here.
    if (!this.#withBuiltin || !Object.hasOwn(builtin, name) || this.#models.peek(name)) return undefined
    this.#buildIn()
    return this.#builtin.get(name)
  }

  /** Where a provider's models run, where its settings say so. */
  regionOf(provider: string): string | undefined {
    return provider === local ? local : this.#regions.get(provider)
  }

  /** Those whom configured routes may choose. */
  candidates(): readonly Served[] {
    const names = new Set([...this.#routes.values()].flatMap(({ candidates }) => candidates.map(({ name }) => name)))
    return [...names].flatMap((name) => this.#models.peek(name) ?? [])
  }

  /** Names of those whom configured routes may choose. */
  providers(): ReadonlySet<string> {
    return new Set(this.candidates().map(({ provider }) => provider.name))
  }

  /** As models, for lists of these. */
  list(): ModelInfo[] {
    if (this.#withBuiltin) this.#buildIn()
    // Where there is one model only, nothing is to be chosen.
    const choosing = [...this.#builtin].flatMap(([name, { candidates }]) => (candidates.length > 1 ? [name] : []))
    const names = new Set([...this.#routes.keys(), ...choosing.filter((name) => this.find(name))])
    return [...names].map((id) => ({ id, ownedBy: 'inferloom', created: 0 }))
  }

  #buildIn(): void {
    const now = performance.now()
    if (now - this.#builtAt < oldest) return
    this.#builtAt = now
    const names = this.#models.list().flatMap(({ id }) => (answersQuestions(id) ? [id] : []))
    const candidates = byTurns(names)
      .slice(0, mostCandidates)
      .map((name) => ({ name, weight: 1, quality: undefined, region: undefined }))
    const common = { candidates, require: {}, bestEffort: false, affinity: true, reliability: {}, isBuiltin: true }
    const routes = Object.entries(builtin).map(([name, objective]) => [name, { name, objective, ...common }] as const)
    this.#builtin = new Map(candidates.length === 0 ? [] : routes)
  }
}

/** Local models, and then one of each provider after the other, so that no long list hides another. */
function byTurns(names: readonly string[]): readonly string[] {
  const remote = Map.groupBy(
    names.filter((name) => name.includes('/')),
    (name) => name.slice(0, name.indexOf('/')),
  )
  const longest = Math.min(mostCandidates, Math.max(0, ...[...remote.values()].map(({ length }) => length)))
  const turns = Array.from({ length: longest }, (_, turn) => [...remote.values()].flatMap((own) => own[turn] ?? []))
  return [...names.filter((name) => !name.includes('/')), ...turns.flat()]
}

/** With where it stands in the file. */
interface Placed extends RouteCandidate {
  readonly path: readonly (string | number)[]
}

/** The models of a route and of the routes among its candidates, each once, as it is named first. */
function flattened(
  name: string,
  settings: Readonly<Record<string, RouteSettings>>,
  above: readonly string[],
  known: Map<string, readonly Placed[]>,
): readonly Placed[] {
  const before = known.get(name)
  if (before) return before
  const found = new Map<string, Placed>()
  const add = (each: Placed) => {
    if (!found.has(each.name)) found.set(each.name, each)
  }
  for (const [index, given] of (settings[name]?.candidates ?? []).entries()) {
    const path = ['routes', name, 'candidates', index]
    const { model, weight = 1, quality, region } = typeof given === 'string' ? { model: given } : given
    if (!Object.hasOwn(settings, model)) {
      add({ name: model, weight, quality, region, path })
      continue
    }
    const way = [...above, name]
    if (way.includes(model)) {
      throw wrong(path, `leads back to the route '${model}' (${[...way, model].join(' → ')})`, 'take one of them out')
    }
    for (const each of flattened(model, settings, way, known)) {
      add({
        ...each,
        weight: each.weight * weight,
        quality: quality ?? each.quality,
        region: region ?? each.region,
      })
    }
    if (found.size > mostFlattened) {
      throw wrong(path, `brings more than ${mostFlattened} models`, 'take some out')
    }
  }
  const all = [...found.values()]
  known.set(name, all)
  return all
}

function refuseUnknown(models: Models, name: string, path: readonly (string | number)[]): void {
  try {
    models.find(name)
  } catch (error) {
    if (!(error instanceof InferloomError)) throw error
    throw wrong(path, error.message.replace(/\.$/, ''), 'name a model as provider/model, a local model or a route')
  }
}

/** `path` is in the details, for who knows the file. */
function wrong(path: readonly (string | number)[], what: string, remedy: string): InferloomError {
  return new InferloomError('config_invalid', `${path.join('.')}: ${what}. Remedy: ${remedy}.`, {
    param: path.join('.'),
  })
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
