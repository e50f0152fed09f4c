// https://ai.google.dev/gemini-api/docs/troubleshooting and https://google.aip.dev/193
import { InferloomError } from '../../canonical/errors.ts'
import { isRecord, listOf, recordOf, textOf } from './fields.ts'
import { refusalError, type CodeWords, type Complaint } from './refusal.ts'
import type { UpstreamRefusal } from './wire.ts'

const words: CodeWords = [
  [/API_KEY_(INVALID|EXPIRED)|API key (not valid|expired)|UNAUTHENTICATED/, 'provider_key_refused'],
  [/PERMISSION_DENIED|location is not supported/i, 'provider_permission_denied'],
  [/exceeds the maximum number of tokens|input token count/i, 'context_length_exceeded'],
]

/** What comes back tomorrow, or with money; everything else that is exhausted comes back in a minute. */
const usedUp = /per_?day|free_tier_requests, limit: 0\b|credits are depleted|spending cap/i

export function geminiRefusal(refusal: UpstreamRefusal): InferloomError {
  return refusalOf(refusal, bodyOf(refusal.body))
}

/** An error in the middle of a stream: its code is the status that it would have had. */
export function reportedError(error: unknown): InferloomError {
  const { code } = recordOf(error)
  const status = typeof code === 'number' && code >= 400 && code < 600 ? code : 500
  const {
    message,
    code: known,
    retryAfterSeconds,
  } = refusalOf({ provider: 'The provider', status, headers: {}, body: '' }, { error })
  return new InferloomError(known, message, { ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) })
}

function refusalOf(refusal: UpstreamRefusal, body: unknown): InferloomError {
  // A stream that is a list of responses is refused by a list too.
  const error = recordOf(recordOf(Array.isArray(body) ? (body as unknown[])[0] : body)['error'])
  const details = listOf(error['details']).filter(isRecord)
  const status = textOf(error['status'])
  const reasons = details.map((each) => textOf(each['reason']))
  const code = reasons.find((each) => each?.startsWith('API_KEY_')) ?? status
  const message = textOf(error['message'])
  const retryAfter = retryDelayOf(details)
  const complaint: Complaint = {
    ...(message !== undefined && { message }),
    ...(code !== undefined && { code }),
    ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
  }
  return refusalError(refusal, complaint, status === 'RESOURCE_EXHAUSTED' ? exhausted(details, message) : words)
}

/** https://ai.google.dev/gemini-api/docs/rate-limits: one status for all limits, whose name says which it is. */
function exhausted(details: readonly Readonly<Record<string, unknown>>[], message = ''): CodeWords {
  const quotas = details.flatMap(({ violations }) =>
    listOf(violations).map((each) => textOf(recordOf(each)['quotaId'])),
  )
  const isUsedUp = usedUp.test(`${quotas.join(' ')} ${message}`)
  return [[/RESOURCE_EXHAUSTED/, isUsedUp ? 'quota_exceeded' : 'rate_limited']]
}

/** `"34.4s"` of google.rpc.RetryInfo: https://protobuf.dev/reference/protobuf/google.protobuf/#duration */
function retryDelayOf(details: readonly Readonly<Record<string, unknown>>[]): number | undefined {
  const delay = details.map(({ retryDelay }) => textOf(retryDelay)).find((each) => each !== undefined)
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(delay ?? '')?.[1]
  return seconds === undefined ? undefined : Math.min(Number(seconds), 86_400)
}

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
