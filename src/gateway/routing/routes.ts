import { InferloomError } from '../../canonical/errors.ts'
import { answersQuestions } from '../../catalog/model-facts.ts'
import type { ModelInfo } from '../../providers/provider.ts'
import type { Models } from '../models.ts'
import type { Constraints, Objective, RouteReliability } from './plan.ts'

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
}

/** What is built in, where no model has the name. */
const builtin: Readonly<Record<string, Objective>> = {
  auto: 'balanced',
  fast: 'fastest',
  smart: 'best',
  cheap: 'cheapest',
}
/** Of built-in routes; local models come first, then those of providers in the order of their lists. */
const mostCandidates = 100
/** Models come and go: the candidates of built-in routes are this old at most, in milliseconds. */
const oldest = 5000

/** Names that clients ask for as a model, each with its candidates. */
export class Routes {
  readonly #models: Models
  readonly #routes: ReadonlyMap<string, Route>
  readonly #withBuiltin: boolean
  #builtin: ReadonlyMap<string, Route> = new Map()
  #builtAt = -Infinity

  /** Throws `config_invalid` for a candidate that nobody has, and for routes that lead to themselves. */
  constructor(models: Models, settings: Readonly<Record<string, RouteSettings>>, withBuiltin: boolean) {
    this.#models = models
    this.#withBuiltin = withBuiltin
    this.#routes = new Map(
      Object.entries(settings).map(([name, each]) => {
        const { objective, require, bestEffort, affinity, reliability } = each
        const candidates = flattened(name, settings, [])
        for (const { name: model, path } of candidates) refuseUnknown(models, model, path)
        const more = { require: withoutUndefined(require), reliability: withoutUndefined(reliability) }
        return [name, { name, objective, candidates, bestEffort, affinity, ...more }]
      }),
    )
  }

  find(name: string): Route | undefined {
    const route = this.#routes.get(name)
    if (route) return route
    // Most names are not of routes, and end here.
    if (!this.#withBuiltin || !Object.hasOwn(builtin, name) || this.#models.peek(name)) return undefined
    this.#buildIn()
    return this.#builtin.get(name)
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
    const candidates = this.#models
      .list()
      .filter(({ id }) => answersQuestions(id))
      .slice(0, mostCandidates)
      .map(({ id: name }) => ({ name, weight: 1, quality: undefined, region: undefined }))
    const common = { candidates, require: {}, bestEffort: false, affinity: true, reliability: {} }
    const routes = Object.entries(builtin).map(([name, objective]) => [name, { name, objective, ...common }] as const)
    this.#builtin = new Map(candidates.length === 0 ? [] : routes)
  }
}

/** The models of a route and of the routes among its candidates, each once, with where they stand in the file. */
function flattened(
  name: string,
  settings: Readonly<Record<string, RouteSettings>>,
  above: readonly string[],
): (RouteCandidate & { readonly path: readonly (string | number)[] })[] {
  const route = Object.hasOwn(settings, name) ? settings[name] : undefined
  const found = (route?.candidates ?? []).flatMap((given, index) => {
    const path = ['routes', name, 'candidates', index]
    const { model, weight = 1, quality, region } = typeof given === 'string' ? { model: given } : given
    if (!Object.hasOwn(settings, model)) return [{ name: model, weight, quality, region, path }]
    const way = [...above, name]
    if (way.includes(model)) {
      throw wrong(path, `leads back to the route '${model}' (${[...way, model].join(' → ')})`, 'take one of them out')
    }
    return flattened(model, settings, way).map((each) => ({ ...each, weight: each.weight * weight }))
  })
  return [...new Map(found.map((each) => [each.name, each])).values()]
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
