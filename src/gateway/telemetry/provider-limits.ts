import type { Served } from '../models.ts'
import { labelText, type Exposition } from './exposition.ts'

/** Models whose limits are kept; those of others are not. */
const mostModels = 200

/**
 * Headers that say what may still be asked before a limit is reached:
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 * https://docs.claude.com/en/api/rate-limits#response-headers
 */
const limits = Object.entries({
  'x-ratelimit-remaining-requests': 'requests',
  'x-ratelimit-remaining-tokens': 'tokens',
  'anthropic-ratelimit-requests-remaining': 'requests',
  'anthropic-ratelimit-tokens-remaining': 'tokens',
  'anthropic-ratelimit-input-tokens-remaining': 'input_tokens',
  'anthropic-ratelimit-output-tokens-remaining': 'output_tokens',
})

const name = 'inferloom_provider_limit_remaining'

/** What providers leave us, as their latest answers said. */
export class ProviderLimits {
  readonly #models = new Map<string, { readonly served: Served; readonly left: Map<string, number> }>()

  observe(served: Served, headers: Readonly<Record<string, string>>): void {
    for (const [header, limit] of limits) {
      const value = headers[header]
      if (value !== undefined && /^\d{1,15}$/.test(value)) this.#leftOf(served)?.set(limit, Number(value))
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
