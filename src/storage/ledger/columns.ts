import type { AttemptRow, ReplayColumns, RequestRow, SavingColumns } from '../tables.ts'

/** The columns of a request as they travel and as they are written, in this order. */
export const requestColumns = Object.keys({
  id: true,
  received_at: true,
  key_id: true,
  key_name: true,
  team_id: true,
  dialect: true,
  model: true,
  provider: true,
  served_model: true,
  reason: true,
  stream: true,
  status: true,
  prompt_tokens: true,
  cached_tokens: true,
  cache_write_tokens: true,
  cache_write_hour_tokens: true,
  audio_input_tokens: true,
  image_tokens: true,
  output_tokens: true,
  reasoning_tokens: true,
  audio_output_tokens: true,
  usage_basis: true,
  doubt: true,
  ttft_ms: true,
  tpot_ms: true,
  queue_ms: true,
  total_ms: true,
  finish_reason: true,
  error: true,
  cost_usd: true,
  price: true,
  cache: true,
  tier: true,
  deadline_ms: true,
  attempts: true,
  plan: true,
  removed_tokens: true,
} satisfies Record<keyof RequestRow, true>) as (keyof RequestRow)[]

export const replayColumns = Object.keys({
  exact_key: true,
  prefix_hashes: true,
  determinism: true,
  capabilities: true,
} satisfies Record<keyof ReplayColumns, true>) as (keyof ReplayColumns)[]

export const savingColumns = Object.keys({
  prompt_cache_saved_usd: true,
  answer_saved_usd: true,
} satisfies Record<keyof SavingColumns, true>) as (keyof SavingColumns)[]

export const attemptColumns = Object.keys({
  number: true,
  started_ms: true,
  provider: true,
  model: true,
  reason: true,
  status: true,
  error: true,
  prompt_tokens: true,
  output_tokens: true,
  ttft_ms: true,
  total_ms: true,
  cost_usd: true,
} satisfies Record<keyof AttemptRow, true>) as (keyof AttemptRow)[]
