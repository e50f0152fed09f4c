import { InferloomError } from '../canonical/errors.ts'
import type { ModelInfo, Provider } from '../providers/provider.ts'

/** Which provider serves which model. */
export class Models {
  readonly #providers: readonly Provider[]

  constructor(providers: readonly Provider[]) {
    this.#providers = providers
  }

  list(): ModelInfo[] {
    return this.#providers.flatMap((provider) => provider.models())
  }

  /** Throws `model_not_found` with the list of known ones. */
  find(id: string): { provider: Provider; model: ModelInfo } {
    for (const provider of this.#providers) {
      const model = provider.models().find((each) => each.id === id)
      if (model) return { provider, model }
    }
    const known = this.list().map((model) => model.id)
    const shown = known.slice(0, 20).join(', ') + (known.length > 20 ? ` and ${known.length - 20} more` : '')
    throw new InferloomError('model_not_found', `There is no model '${id.slice(0, 200)}'. Known: ${shown || 'none'}.`, {
      param: 'model',
    })
  }
}
