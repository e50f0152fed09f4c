import { errorName, objectOf } from './wires/wire.ts'

/** Codes by what they mean: https://nodejs.org/api/errors.html and https://github.com/nodejs/undici/blob/main/docs/docs/api/Errors.md */
const classes: readonly (readonly [RegExp, string])[] = [
  [/^UND_ERR_CONNECT_TIMEOUT$|^ETIMEDOUT$/, 'no connection in time'],
  [/^ECONNREFUSED$|^ENOTFOUND$|^EAI_|^EHOSTUNREACH$|^ENETUNREACH$|^EADDRNOTAVAIL$/, 'unreachable'],
  [/^HTTPParserError|^HPE_|HEADERS_OVERFLOW|LENGTH_MISMATCH|RES_EXCEEDED/, 'not HTTP'],
  [/^ERR_SSL|^ERR_TLS|^EPROTO$|CERT|SELF_SIGNED/, 'TLS'],
  [/^EMFILE$|^ENFILE$/, 'no file descriptors left here'],
]

/** The class of what broke a connection. */
export function connectionErrorClass(error: Error): string {
  // Where a name has several addresses, the errors of all of them come as one.
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : error
  const code = first && 'code' in first && typeof first.code === 'string' ? first.code : error.name
  return classes.find(([pattern]) => pattern.test(code))?.[1] ?? 'reset'
}

/** `http 429 rate_limited`; of the body only the name of the error, which cannot hold a prompt. */
export function statusErrorClass(status: number, body: Buffer): string {
  let name = ''
  try {
    const said = objectOf(JSON.parse(body.toString()))
    const error = said?.['error']
    if (objectOf(error)) name = errorName(error)
  } catch {
    // A page of HTML, as proxies send: its status says enough.
  }
  return name === '' || name === 'error' || !/^[\w.-]+$/.test(name) ? `http ${status}` : `http ${status} ${name}`
}

/** What the server says of an error, for the user who asks for the first time; bounded, one line. */
export function statusErrorMessage(body: Buffer): string {
  try {
    const error = objectOf(JSON.parse(body.toString()))?.['error']
    const message = objectOf(error)?.['message'] ?? error
    return typeof message === 'string' ? message.replaceAll(/\s+/g, ' ').slice(0, 300) : ''
  } catch {
    return ''
  }
}
