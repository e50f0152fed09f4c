import type { Generated } from 'kysely'

/** One row per request that reached the pipeline; times in milliseconds. */
export interface RequestRow {
  id: string
  /** Milliseconds since 1970 at which the request was received. */
  received_at: number
  dialect: string
  /** As the client asked for it. */
  model: string
  provider: string | null
  /** The model that answered, in its provider's words. */
  served_model: string | null
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

/** An answer that later requests can refer to, with what its request brought. */
export interface ResponseRow {
  id: string
  /** Whose it is; empty where keys tell nobody apart. */
  owner: string
  /** Milliseconds since 1970. */
  created_at: number
  /** The answer it continued. */
  previous_id: string | null
  /** JSON. */
  input: string
  /** JSON. */
  response: string
  /** Of both. */
  bytes: number
}

export interface Tables {
  responses: ResponseRow & { sequence: Generated<number> }
  requests: RequestRow & { sequence: Generated<number> }
}
