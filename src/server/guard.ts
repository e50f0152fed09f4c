import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { InferloomError } from '../canonical/errors.ts'

export interface GuardOptions {
  readonly keys: readonly string[]
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
}

/** Decides who may speak to this server at all. Throws `host_refused`, `origin_refused` or `invalid_api_key`. */
export class Guard {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #keys: readonly Buffer[]
  /** The last Host header that was allowed: most clients send the same one each time. */
  #allowedHost: string | undefined

  constructor({ keys, allowedHosts, allowedOrigins }: GuardOptions) {
    this.#hosts = new Set(['localhost', hostname(), ...allowedHosts].map((host) => host.toLowerCase()))
    this.#origins = new Set(allowedOrigins)
    this.#keys = keys.map(digest)
  }

  /**
   * A page on the internet may point its own name at this machine (DNS rebinding) and so pass the browser's
   * same-origin rule; but then the Host header carries that name. Addresses cannot be rebound.
   */
  checkHost(headers: IncomingHttpHeaders): void {
    if (headers.host !== undefined && headers.host === this.#allowedHost) return
    const host = hostnameOf(`http://${headers.host ?? ''}`)
    if (host !== undefined && (isAddress(host) || host.endsWith('.localhost') || this.#hosts.has(host))) {
      this.#allowedHost = headers.host
      return
    }
    const message = `Requests to the host '${(headers.host ?? '').slice(0, 100)}' are refused. Remedy: add it to server.allowedHosts.`
    throw new InferloomError('host_refused', message)
  }

  /** Returns the origin that needs CORS headers, or undefined where the request comes from no other page. */
  checkOrigin(headers: IncomingHttpHeaders): string | undefined {
    const { origin, host } = headers
    if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return undefined
    if (this.#origins.has(origin)) return origin
    const message = `Requests from web pages of '${origin.slice(0, 100)}' are refused. Remedy: add it to server.allowedOrigins.`
    throw new InferloomError('origin_refused', message)
  }

  /** Returns a name for whoever holds the key, from which the key cannot be told; undefined where none is asked for. */
  checkKey(headers: IncomingHttpHeaders, url: string): string | undefined {
    refuseKeyInUrl(url)
    if (this.#keys.length === 0) return undefined
    const given = keyOf(headers)
    const hashed = digest(given)
    // Digests have one length and are compared in constant time, so that neither length nor prefix of a key shows.
    if (this.#keys.some((key) => timingSafeEqual(key, hashed))) return hashed.toString('hex', 0, 8)
    const message =
      given === ''
        ? 'A key is needed: send "Authorization: Bearer <key>", or the key as x-api-key or x-goog-api-key.'
        : 'The key that was sent is not known.'
    throw new InferloomError('invalid_api_key', message)
  }
}

/** OpenAI's, Anthropic's and Google's ways to send a key, so that their clients need no other. */
function keyOf({ authorization, ...headers }: IncomingHttpHeaders): string {
  const bearer = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  return bearer ?? String(headers['x-api-key'] ?? headers['x-goog-api-key'] ?? '')
}

/** Addresses are logged by everything on the way. */
function refuseKeyInUrl(url: string): void {
  const query = url.indexOf('?')
  if (query === -1) return
  const name = [...new URLSearchParams(url.slice(query)).keys()].find((each) => /^(api[-_]?)?key$/i.test(each))
  if (name === undefined) return
  const message = `A key in the address (?${name}=…) is refused: addresses are logged. Remedy: send it as "Authorization: Bearer <key>", x-api-key or x-goog-api-key.`
  throw new InferloomError('invalid_api_key', message, { param: name })
}

/** Whether only this machine can reach a listener on this address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : undefined
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0
}
