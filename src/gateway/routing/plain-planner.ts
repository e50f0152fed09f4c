import type { Models, Served } from '../models.ts'
import type { Plan } from './plan.ts'

/** Plans for models that are named as such: there is nobody else to ask. Made once for each. */
export class PlainPlanner {
  readonly #models: Models
  readonly #plans = new WeakMap<Served, Plan>()

  constructor(models: Models) {
    this.#models = models
  }

  /** Throws as `Models.find` does. */
  plan({ model }: { readonly model: string }): Plan {
    const served = this.#models.find(model)
    let plan = this.#plans.get(served)
    if (!plan) {
      plan = { route: undefined, candidates: [{ served, id: candidateId(served) }], excluded: [] }
      this.#plans.set(served, plan)
    }
    return plan
  }
}

/** Under which everything is learnt and told of a candidate. */
export function candidateId({ provider, model }: Served): string {
  return provider.name === 'local' ? model : `${provider.name}/${model}`
}
