import type { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'
import type { RelayChunk } from '../providers/provider.ts'
import type { RequestRow } from '../storage/tables.ts'
import type { Served } from './models.ts'
import type { RequestContext } from './pipeline.ts'

/** Watches a request's answer and makes its ledger row of it. */
export class Timings {
  error: InferloomError | undefined
  #served: Served | undefined
  /** The very model that answered, where its provider says. */
  #answeredBy: string | undefined
  #complete = false
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

  servedBy(served: Served): void {
    this.#served = served
  }

  observe(events: readonly StreamEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case 'response-metadata':
          this.#answeredBy = event.model ?? this.#answeredBy
          break
        case 'text-delta':
        case 'refusal-delta':
        case 'reasoning-delta':
        case 'tool-input-start':
        case 'tool-input-delta':
          this.#firstAt ??= performance.now()
          this.#deltas++
          break
        case 'tool-input-end':
        case 'reasoning-end':
        case 'source':
        case 'raw':
          break
        case 'text-end':
          this.#finishReason ??= event.finishReason
          break
        case 'finish':
          this.#usage = event.usage
          this.#complete = true
          break
      }
    }
  }

  /** What was seen in bytes on their way. */
  see({ deltas, finishReason, usage, error }: RelayChunk): void {
    if (deltas > 0) {
      this.#firstAt ??= performance.now()
      this.#deltas += deltas
    }
    if (finishReason !== undefined) this.#finishReason ??= finishReason
    if (usage) this.#usage = usage
    if (error) this.error ??= error
  }

  /** There is nothing more to come. */
  complete(): void {
    this.#complete = true
  }

  row(): RequestRow {
    const { id, dialect, stream, receivedAt } = this.#context
    const total = performance.now() - receivedAt
    const ttft = this.#firstAt === undefined ? null : this.#firstAt - receivedAt
    const outputTokens = this.#usage?.outputTokens.total ?? (this.#deltas > 0 ? this.#deltas : null)
    const left = !this.error && !this.#complete
    return {
      id,
      received_at: Math.round(Date.now() - total),
      dialect,
      model: this.#model.slice(0, 200),
      provider: this.#served?.provider.name ?? null,
      served_model: this.#answeredBy?.slice(0, 200) ?? this.#served?.model.slice(0, 200) ?? null,
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
