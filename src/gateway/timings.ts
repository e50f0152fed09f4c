import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import type { RequestRow } from '../storage/tables.ts'
import type { RequestContext } from './pipeline.ts'

/** Watches a request's events and makes its ledger row of them. */
export class Timings {
  provider: string | undefined
  error: InferloomError | undefined
  readonly #model: string
  readonly #context: RequestContext
  #firstAt: number | undefined
  #finishReason: string | undefined
  #usage: Usage | undefined
  /** Pieces of output so far: what is known of the output when the reader leaves before the usage comes. */
  #deltas = 0

  constructor(model: string, context: RequestContext) {
    this.#model = model
    this.#context = context
  }

  observe(events: readonly StreamEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case 'text-delta':
        case 'reasoning-delta':
        case 'tool-input-start':
        case 'tool-input-delta':
          this.#firstAt ??= performance.now()
          this.#deltas++
          break
        case 'tool-input-end':
          break
        case 'text-end':
          this.#finishReason ??= event.finishReason
          break
        case 'finish':
          this.#usage = event.usage
          break
      }
    }
  }

  row(): RequestRow {
    const { id, dialect, stream, receivedAt } = this.#context
    const total = performance.now() - receivedAt
    const ttft = this.#firstAt === undefined ? null : this.#firstAt - receivedAt
    const outputTokens = this.#usage?.outputTokens.total ?? (this.#deltas > 0 ? this.#deltas : null)
    const left = !this.error && !this.#usage
    return {
      id,
      received_at: Math.round(Date.now() - total),
      dialect,
      model: this.#model.slice(0, 200),
      provider: this.provider ?? null,
      stream: stream ? 1 : 0,
      status: this.error?.kind.status ?? (left ? 499 : 200),
      prompt_tokens: this.#usage?.inputTokens.total ?? null,
      output_tokens: outputTokens,
      ttft_ms: ttft,
      tpot_ms: ttft !== null && outputTokens !== null && outputTokens > 1 ? (total - ttft) / (outputTokens - 1) : null,
      total_ms: total,
      finish_reason: this.#finishReason ?? null,
      error: this.error?.code ?? (left ? 'client_closed' : null),
    }
  }
}
