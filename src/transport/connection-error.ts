import { InferloomError } from '../canonical/errors.ts'

interface Where {
  readonly provider: string
  readonly host: string
  /** Whether an answer had begun. */
  readonly begun: boolean
}

/** Says what broke between us and a provider. The message of `cause` is kept out: it may hold what was sent. */
export function connectionError(cause: unknown, { provider, host, begun }: Where): InferloomError {
  const code = codeOf(cause)
  const details = { fault: { provider }, cause }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    const message = `${provider} did not take a connection at ${host} in time. Remedy: check the network, or raise timeouts.connect.`
    return new InferloomError('provider_timeout', message, details)
  }
  // llhttp's codes, and undici's for headers and lengths that HTTP does not allow:
  // https://github.com/nodejs/undici/blob/main/docs/docs/api/Errors.md
  if (/^HTTPParserError|^HPE_|HEADERS_OVERFLOW|LENGTH_MISMATCH|RES_EXCEEDED/.test(code)) {
    const message = `What ${provider} answered at ${host} is not HTTP (${code}). Remedy: check the provider's baseUrl.`
    return new InferloomError('provider_invalid_reply', message, details)
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new InferloomError('shutting_down', `Connections to ${provider} are being closed.`, details)
  }
  const message = begun
    ? `The connection to ${provider} broke in the middle of its answer (${code}). Remedy: try again.`
    : `${provider} could not be reached at ${host} (${code}). Remedy: check the network and the provider's baseUrl.`
  return new InferloomError('provider_unreachable', message, details)
}

/** Also by name: undici's parser leaves the code out of some of its errors. */
function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no code'
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
  return code.slice(0, 60)
}
