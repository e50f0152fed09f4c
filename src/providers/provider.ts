import type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from '../canonical/embed.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'

/** What one provider says about a model it serves. */
export interface ModelInfo {
  readonly id: string
  /** Who runs it, as `GET /v1/models` reports it. */
  readonly ownedBy: string
  /** Seconds since 1970. */
  readonly created: number
  /** Prompt and output together, in tokens. */
  readonly contextTokens: number
  readonly parameters?: number
  readonly sizeBytes?: number
}

/** Something that answers requests: a local engine, or another service over its own wire. */
export interface Provider {
  readonly name: string
  models(): readonly ModelInfo[]
  /** Resolves when requests can be answered now, rejects with the reason when they cannot. */
  ready(): Promise<void>
  /**
   * Answers one request with batches of events: what arrived since the last batch was taken comes as one.
   * Refusals are thrown before the first batch; aborting `signal` frees everything the request held.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<readonly StreamEvent[]>
  /** Absent where no model of it can. Aborting `signal` rejects with its reason. */
  embed?(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResult>
  rerank?(request: RerankRequest, signal: AbortSignal): Promise<RerankResult>
  close(): Promise<void>
}
