// https://google.aip.dev/193
import type { InferloomError } from '../../canonical/errors.ts'

/** Names of google.rpc.Code: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
function statusOf(status: number): string {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED'
    case 403:
      return 'PERMISSION_DENIED'
    case 404:
      return 'NOT_FOUND'
    case 408:
    case 504:
      return 'DEADLINE_EXCEEDED'
    case 409:
      return 'ABORTED'
    case 429:
      return 'RESOURCE_EXHAUSTED'
    case 499:
      return 'CANCELLED'
    case 502:
    case 503:
      return 'UNAVAILABLE'
    default:
      return status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'
  }
}

export function errorBody({ code: reason, message, param, retryAfterSeconds, kind: { status } }: InferloomError) {
  const details: object[] = [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: reason.toUpperCase(), domain: 'inferloom' },
  ]
  if (param !== undefined) {
    const fieldViolations = [{ field: param, description: message }]
    details.push({ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations })
  }
  if (retryAfterSeconds !== undefined) {
    details.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` })
  }
  return { error: { code: status, message, status: statusOf(status), details } }
}
