import type { Generated } from 'kysely'
import type { RollUpRow } from './ledger/roll-up.ts'

/** One row per request that reached the pipeline; times in milliseconds. What is not known is null, never zero. */
export interface RequestRow {
  id: string
  /** Milliseconds since 1970 at which the request was received. */
  received_at: number
  key_id: string | null
  /** What the key was called then. */
  key_name: string | null
  team_id: string | null
  dialect: string
  /** As the client asked for it. */
  model: string
  provider: string | null
  /** The model that answered, in its provider's words. */
  served_model: string | null
  /** Why that provider. */
  reason: string | null
  stream: number
  status: number
  /** All input tokens, and of these the ones of each kind. */
  prompt_tokens: number | null
  cached_tokens: number | null
  cache_write_tokens: number | null
  /** Of those written to a cache, the ones kept for an hour. */
  cache_write_hour_tokens: number | null
  audio_input_tokens: number | null
  image_tokens: number | null
  /** All output tokens, and of these the ones of each kind. */
  output_tokens: number | null
  reasoning_tokens: number | null
  audio_output_tokens: number | null
  /** `reported` by whoever answered, or `counted` here because the answer ended before that. */
  usage_basis: string | null
  /** Names of numbers that were reported and cannot be: they are null here. */
  doubt: string | null
  /** Received to first token. */
  ttft_ms: number | null
  /** (total − TTFT) / (output tokens − 1) */
  tpot_ms: number | null
  /** Waited for its turn here, before it was sent. */
  queue_ms: number | null
  total_ms: number
  finish_reason: string | null
  error: string | null
  /** Null is unknown. */
  cost_usd: number | null
  /** What the cost was computed from, for people. */
  price: string | null
  /** What the cache of answers said. */
  cache: string | null
  /** As it was asked for. */
  tier: string | null
  deadline_ms: number | null
  /** Tries at a provider. */
  attempts: number
  /** JSON, of a route: its candidates in their order, what was expected of each, and which were left out and why. */
  plan: string | null
  /** That its prompt was made shorter by, before it was sent. */
  removed_tokens: number | null
}

/** What a request can be replayed by without its content; made from its body by the database's thread. */
export interface ReplayColumns {
  /** Requests with the same one would have the same answer, as far as models give one. */
  exact_key: Uint8Array | null
  /** Records of 12 bytes: see `replay-material.ts`. */
  prefix_hashes: Uint8Array | null
  /** `greedy`, `seeded`, or `sampled`. */
  determinism: string | null
  /** What it asked for beside text, by name: `images,tools`. */
  capabilities: string | null
}

/** What caches were worth to a request, in US dollars; null where they had no part in it, or nobody knows the price. */
export interface SavingColumns {
  /** By the provider's own cache of prompts; below zero where writing it cost more than reading saved. */
  prompt_cache_saved_usd: number | null
  /** What the answer would have cost, where it was given before. */
  answer_saved_usd: number | null
}

/** One try at one provider. */
export interface AttemptRow {
  /** From 1 on. */
  number: number
  /** Milliseconds after the request was received. */
  started_ms: number
  provider: string
  model: string
  reason: string | null
  status: number
  error: string | null
  prompt_tokens: number | null
  output_tokens: number | null
  ttft_ms: number | null
  total_ms: number
  cost_usd: number | null
}

/** What was said, where it is kept at all. */
interface ContentRow {
  request: number
  received_at: number
  asked: string | null
  answered: string | null
  bytes: number
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

/** A virtual key. Lists and limits are JSON; times are milliseconds since 1970. */
export interface KeyRow {
  id: string
  /** What it can be recognised by, and nobody can use. */
  hash: string
  /** The first characters of it, for people. */
  prefix: string
  name: string
  team_id: string | null
  /** Separated by commas. */
  scopes: string
  /** Null: all of them. */
  models: string | null
  limits: string
  tier: string | null
  created_at: number
  expires_at: number | null
  revoked_at: number | null
  /** Of the key that it was before it was rotated, and until when that one opens. */
  former_hash: string | null
  former_until: number | null
}

/** Several keys with limits in common. */
export interface TeamRow {
  id: string
  name: string
  models: string | null
  limits: string
  created_at: number
}

/** What somebody did to a key or a team: without the keys themselves. */
export interface AuditRow {
  at: number
  /** The id of a key, and what it was called then. */
  actor_id: string
  actor: string
  /** `key.create` */
  action: string
  /** The id of what it was done to, and its name. */
  target: string
  name: string
  /** JSON; null where there was nothing, or is nothing any more. */
  before: string | null
  after: string | null
}

/** An answer that is given again. */
export interface AnswerRow {
  key: string
  /** Milliseconds since 1970. */
  kept_at: number
  /** Of `answer`. */
  bytes: number
  /** JSON. */
  answer: string
}

export interface Tables {
  answers: AnswerRow
  keys: KeyRow
  teams: TeamRow
  audit: AuditRow & { sequence: Generated<number> }
  responses: ResponseRow & { sequence: Generated<number> }
  requests: RequestRow & ReplayColumns & SavingColumns & { sequence: Generated<number>; bytes: number }
  attempts: AttemptRow & { request: number }
  contents: ContentRow
  ledger_totals: { one: number; rows: number; bytes: number }
  usage_minutes: RollUpRow
  usage_hours: RollUpRow
  usage_days: RollUpRow
}
