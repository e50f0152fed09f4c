// https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
import { InferloomError, type ErrorCode } from '../../canonical/errors.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { refusalError, shown, type CodeWords } from './refusal.ts'
import type { UpstreamRefusal } from './wire.ts'

const words: CodeWords = [
  [
    /ExpiredToken|IncompleteSignature|InvalidClientTokenId|InvalidSignature|MissingAuth|UnrecognizedClient/,
    'provider_key_refused',
  ],
  [/AccessDenied/, 'provider_permission_denied'],
  [/ModelNotReady/, 'provider_overloaded'],
  [/ServiceQuotaExceeded/, 'quota_exceeded'],
]

/** A day's tokens come back the next day, not in a minute: https://repost.aws/knowledge-center/bedrock-throttling-error */
const daily: CodeWords = [[/tokens per day/i, 'quota_exceeded'], ...words]

export function converseRefusal(refusal: UpstreamRefusal): InferloomError {
  const { message } = openaiComplaint(bodyOf(refusal.body))
  // `ThrottlingException:http://internal.amazon.com/coral/…`
  const code = refusal.headers['x-amzn-errortype']?.split(':')[0]
  const complaint = { ...(message !== undefined && { message }), ...(code !== undefined && { code }) }
  return refusalError(refusal, complaint, code === 'ThrottlingException' ? daily : words)
}

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html */
const exceptions: Readonly<Record<string, ErrorCode>> = {
  throttlingException: 'rate_limited',
  serviceUnavailableException: 'provider_overloaded',
  validationException: 'provider_refused',
  modelTimeoutException: 'provider_timeout',
}

/** What ends a stream in its middle; any other than these is a failure. */
export function converseException(name: string, message = ''): InferloomError {
  const code = Object.hasOwn(exceptions, name) ? exceptions[name] : undefined
  return new InferloomError(code ?? 'provider_failed', `The provider broke off with ${shown(name)}: ${shown(message)}`)
}
