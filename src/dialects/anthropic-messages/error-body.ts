// https://platform.claude.com/docs/en/api/errors
import type { InferloomError } from '../../canonical/errors.ts'

/** Anthropic's names; clients also look at the status. */
function typeOf({ code, kind: { status } }: InferloomError): string {
  switch (status) {
    case 401:
      return 'authentication_error'
    case 403:
      return 'permission_error'
    case 404:
      return 'not_found_error'
    case 413:
      return 'request_too_large'
    case 429:
      return code === 'quota_exceeded' || code === 'budget_exceeded' ? 'billing_error' : 'rate_limit_error'
    case 503:
      return 'overloaded_error'
    case 408:
    case 504:
      return 'timeout_error'
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error'
  }
}

export function errorBody(error: InferloomError, requestId?: string) {
  return {
    type: 'error',
    error: { type: typeOf(error), message: error.message },
    ...(requestId !== undefined && { request_id: requestId }),
  }
}

/** What ends a stream in its middle. */
export function errorEvent(error: InferloomError): string {
  return `event: error\ndata: ${JSON.stringify(errorBody(error))}\n\n`
}
