// https://platform.claude.com/docs/en/api/errors
import { InferloomError, type ErrorCode } from '../../canonical/errors.ts'
import { isRecord, textOf } from './fields.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { refusalError, shown, type CodeWords } from './refusal.ts'
import type { UpstreamRefusal } from './wire.ts'

const words: CodeWords = [
  [/^billing_error$/, 'quota_exceeded'],
  [/blocked by content filtering/i, 'content_filtered'],
]

export function messagesRefusal(refusal: UpstreamRefusal): InferloomError {
  const complaint = openaiComplaint(bodyOf(refusal.body))
  return refusalError(refusal, complaint, words)
}

/** The error that ends a stream in its middle, where there is no status any more. */
const codes: Readonly<Record<string, ErrorCode>> = {
  authentication_error: 'provider_key_refused',
  billing_error: 'quota_exceeded',
  permission_error: 'provider_permission_denied',
  not_found_error: 'provider_not_found',
  request_too_large: 'body_too_large',
  rate_limit_error: 'rate_limited',
  timeout_error: 'provider_timeout',
  overloaded_error: 'provider_overloaded',
  invalid_request_error: 'provider_refused',
}

export function streamError(event: Readonly<Record<string, unknown>>): InferloomError {
  const error = isRecord(event['error']) ? event['error'] : {}
  const type = textOf(error['type']) ?? 'an error without a type'
  const code = Object.hasOwn(codes, type) ? codes[type] : undefined
  const message = textOf(error['message']) ?? ''
  return new InferloomError(code ?? 'provider_failed', `The provider broke off with ${shown(type)}: ${shown(message)}`)
}

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
