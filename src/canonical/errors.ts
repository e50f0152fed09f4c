import type { LimitStanding } from './limit-standing.ts'

interface ErrorKind {
  readonly status: number
  /** The `type` of OpenAI's error shape. */
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'rate_limit_error'
    // OpenAI's, which its clients take for a reason not to try again.
    | 'insufficient_quota'
    | 'server_error'
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean
}

const invalid = { type: 'invalid_request_error', retryable: false } as const

/** Every error inferloom answers with. `docs/errors.md` says for each what it means and what to do; a test compares. */
export const errorCatalogue = {
  invalid_json: { status: 400, ...invalid },
  invalid_utf8: { status: 400, ...invalid },
  invalid_value: { status: 400, ...invalid },
  missing_parameter: { status: 400, ...invalid },
  unsupported_parameter: { status: 400, ...invalid },
  unknown_parameter: { status: 400, ...invalid },
  context_length_exceeded: { status: 400, ...invalid },
  model_not_found: { status: 404, ...invalid },
  response_not_found: { status: 404, ...invalid },
  request_not_found: { status: 404, ...invalid },
  // OpenAI's name and status, which clients look for.
  previous_response_not_found: { status: 400, ...invalid },
  route_not_found: { status: 404, ...invalid },
  method_not_allowed: { status: 405, ...invalid },
  body_too_large: { status: 413, ...invalid },
  request_timeout: { status: 408, type: 'invalid_request_error', retryable: true },
  invalid_api_key: { status: 401, type: 'authentication_error', retryable: false },
  permission_denied: { status: 403, type: 'permission_error', retryable: false },
  model_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  key_not_found: { status: 404, ...invalid },
  host_refused: { status: 403, type: 'permission_error', retryable: false },
  origin_refused: { status: 403, type: 'permission_error', retryable: false },
  engine_overloaded: { status: 503, type: 'server_error', retryable: true },
  engine_restarting: { status: 503, type: 'server_error', retryable: true },
  engine_failed: { status: 503, type: 'server_error', retryable: true },
  shutting_down: { status: 503, type: 'server_error', retryable: true },
  client_closed: { status: 499, type: 'invalid_request_error', retryable: true },
  internal_error: { status: 500, type: 'server_error', retryable: true },
  config_invalid: { status: 500, type: 'server_error', retryable: false },
  home_not_writable: { status: 500, type: 'server_error', retryable: false },
  port_in_use: { status: 500, type: 'server_error', retryable: false },
  bind_refused: { status: 500, type: 'server_error', retryable: false },
  model_file_missing: { status: 500, type: 'server_error', retryable: false },
  model_file_invalid: { status: 500, type: 'server_error', retryable: false },
  model_too_big: { status: 500, type: 'server_error', retryable: false },
  model_gated: { status: 403, type: 'permission_error', retryable: false },
  pull_in_progress: { status: 409, type: 'invalid_request_error', retryable: true },
  pull_failed: { status: 502, type: 'server_error', retryable: true },
  pull_corrupt: { status: 502, type: 'server_error', retryable: true },
  disk_full: { status: 507, type: 'server_error', retryable: false },
  model_unsupported: { status: 500, type: 'server_error', retryable: false },
  engine_unavailable: { status: 500, type: 'server_error', retryable: false },
  model_ambiguous: { status: 400, ...invalid },
  provider_key_missing: { status: 401, type: 'authentication_error', retryable: false },
  provider_key_refused: { status: 401, type: 'authentication_error', retryable: false },
  provider_permission_denied: { status: 403, type: 'permission_error', retryable: false },
  provider_refused: { status: 400, ...invalid },
  provider_not_found: { status: 404, ...invalid },
  content_filtered: { status: 400, ...invalid },
  rate_limited: { status: 429, type: 'rate_limit_error', retryable: true },
  quota_exceeded: { status: 429, type: 'rate_limit_error', retryable: false },
  budget_exceeded: { status: 429, type: 'insufficient_quota', retryable: false },
  queue_full: { status: 503, type: 'server_error', retryable: true },
  no_candidate: { status: 400, ...invalid },
  // As HTTP has it of `only-if-cached`: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7
  cache_miss: { status: 504, type: 'invalid_request_error', retryable: false },
  price_unknown: { status: 403, type: 'permission_error', retryable: false },
  provider_overloaded: { status: 503, type: 'server_error', retryable: true },
  provider_failed: { status: 502, type: 'server_error', retryable: true },
  provider_unreachable: { status: 502, type: 'server_error', retryable: true },
  provider_timeout: { status: 504, type: 'server_error', retryable: true },
  deadline_exceeded: { status: 504, type: 'server_error', retryable: true },
  provider_invalid_reply: { status: 502, type: 'server_error', retryable: true },
  server_unreachable: { status: 500, type: 'server_error', retryable: true },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorCatalogue

/** What a provider said of a request that it did not answer. Never holds a key or a prompt. */
export interface ProviderFault {
  readonly provider: string
  /** Absent where there was no answer at all. */
  readonly status?: number
  /** The provider's own name for the error. */
  readonly code?: string
  /** Under which the provider's support finds the request. */
  readonly requestId?: string
}

export interface ErrorDetails {
  /** The request field at fault, as the client spelled it: `messages[0].content`. */
  readonly param?: string
  readonly retryAfterSeconds?: number
  readonly fault?: ProviderFault
  /** Of a request that a limit refused. */
  readonly standing?: LimitStanding
  readonly cause?: unknown
}

/**
 * An error that is told to the client or the user as it stands: it names the field, the value and the remedy.
 *
 * @example throw new InferloomError('model_not_found', "There is no model 'gpt-9'. Known: loom-mini.", { param: 'model' })
 */
export class InferloomError extends Error {
  readonly code: ErrorCode
  readonly param: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly fault: ProviderFault | undefined
  readonly standing: LimitStanding | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'InferloomError'
    this.code = code
    this.param = details.param
    this.retryAfterSeconds = details.retryAfterSeconds
    this.fault = details.fault
    this.standing = details.standing
  }

  get kind(): ErrorKind {
    return errorCatalogue[this.code]
  }
}

/** Makes an error of anything thrown; what is not ours stays hidden behind `internal_error` and is kept as its cause. */
export function asInferloomError(thrown: unknown): InferloomError {
  if (thrown instanceof InferloomError) return thrown
  return new InferloomError('internal_error', 'inferloom failed to answer; its log says why.', { cause: thrown })
}
