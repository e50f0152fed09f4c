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

/** Made once for each: a text that is put together anew is slow to look up. */
const ids = new WeakMap<Served, string>()

/** Under which everything is learnt and told of a candidate. */
export function candidateId(served: Served): string {
  let id = ids.get(served)
  if (id === undefined) {
    const { provider, model } = served
    id = provider.name === 'local' ? model : `${provider.name}/${model}`
    ids.set(served, id)
  }
  return id
}
