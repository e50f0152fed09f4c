import type { Generated } from 'kysely'

/** One row per request that reached the pipeline; times in milliseconds. */
export interface RequestRow {
  id: string
  /** Milliseconds since 1970 at which the request was received. */
  received_at: number
  dialect: string
  model: string
  provider: string | null
  stream: number
  status: number
  prompt_tokens: number | null
  output_tokens: number | null
  /** Received to first token. */
  ttft_ms: number | null
  /** (total − TTFT) / (output tokens − 1) */
  tpot_ms: number | null
  total_ms: number
  finish_reason: string | null
  error: string | null
}

export interface Tables {
  requests: RequestRow & { sequence: Generated<number> }
}
