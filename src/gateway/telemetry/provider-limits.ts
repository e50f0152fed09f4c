import type { Served } from '../models.ts'
import { saidLimits, type LimitedUnit } from '../queue/limit-headers.ts'
import { labelText, type Exposition } from './exposition.ts'

/** Models whose limits are kept; those of others are not. */
const mostModels = 200

/** As they are called in labels. */
const units = {
  requests: 'requests',
  tokens: 'tokens',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
} as const satisfies Record<LimitedUnit, string>

const name = 'inferloom_provider_limit_remaining'

/** What providers leave us, as their latest answers said. */
export class ProviderLimits {
  readonly #models = new Map<string, { readonly served: Served; readonly left: Map<string, number> }>()

  observe(served: Served, headers: Readonly<Record<string, string>>): void {
    for (const { unit, remaining } of saidLimits(headers, Date.now())) {
      if (remaining !== undefined) this.#leftOf(served)?.set(units[unit], remaining)
    }
  }

  write(out: Exposition): void {
    out.metric(name, 'gauge', 'What a provider leaves us until a limit of its own, by its latest answer.')
    for (const { served, left } of this.#models.values()) {
      const { provider, model } = served
      for (const [limit, value] of left) {
        const labels = { gen_ai_provider_name: provider.name, gen_ai_request_model: model, limit }
        out.value(name, labelText(labels), value)
      }
    }
  }

  #leftOf(served: Served): Map<string, number> | undefined {
    const key = `${served.provider.name}\n${served.model}`
    const known = this.#models.get(key)
    if (known) return known.left
    if (this.#models.size >= mostModels) return undefined
    const left = new Map<string, number>()
    this.#models.set(key, { served, left })
    return left
  }
}
