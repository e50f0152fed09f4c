import type { Prices } from '../../catalog/price.ts'
import type { Served } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'

/** US dollars, as far as prices are the same for every token of a kind. */
export interface CostLine {
  readonly perRequest: number
  readonly perInput: number
  readonly perCachedInput: number
  readonly perOutput: number
  /** Of prompt and answer together, where the list says; it may be out of date. */
  readonly contextTokens: number | undefined
}

const probe = 1000
/** Prices change: what was read is this old at most, in milliseconds. */
const oldest = 60_000
const mostModels = 2000

/** What tokens cost at each candidate, found out by asking what made-up answers would cost. */
export class ExpectedCosts {
  readonly #prices: Prices | undefined
  readonly #timekeeper: Timekeeper
  readonly #lines = new Map<string, { readonly at: number; readonly line: CostLine | undefined }>()

  constructor(prices: Prices | undefined, timekeeper: Timekeeper) {
    this.#prices = prices
    this.#timekeeper = timekeeper
  }

  /** Undefined where nobody knows, or as long as prices are being loaded. */
  line(id: string, served: Served): CostLine | undefined {
    const now = this.#timekeeper.now()
    const known = this.#lines.get(id)
    if (known && now - known.at < oldest) return known.line
    const loading = this.#prices?.prepare(served.provider.name)
    if (loading) {
      loading.catch(() => {})
      return undefined
    }
    const line = this.#read(served)
    if (this.#lines.size >= mostModels) this.#lines.clear()
    this.#lines.set(id, { at: now, line })
    return line
  }

  #read(served: Served): CostLine | undefined {
    const none = this.#cost(served, 0, 0, 0)
    const input = this.#cost(served, probe, 0, 0)
    const cached = this.#cost(served, probe, probe, 0)
    const output = this.#cost(served, 0, 0, probe)
    if (none === undefined || input === undefined || cached === undefined || output === undefined) return undefined
    const contextTokens = this.#prices?.contextOf?.(served.provider.name, served.model)
    const of = (cost: number) => (cost - none) / probe
    return { perRequest: none, perInput: of(input), perCachedInput: of(cached), perOutput: of(output), contextTokens }
  }

  #cost({ provider, model }: Served, total: number, cacheRead: number, output: number): number | undefined {
    const usage = { inputTokens: { total, cacheRead }, outputTokens: { total: output, reasoning: 0 } }
    return this.#prices?.cost({ provider: provider.name, model, usage, at: Date.now() })?.usd
  }
}
