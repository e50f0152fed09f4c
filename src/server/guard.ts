import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { InferloomError } from '../canonical/errors.ts'
import { localCaller, type Caller, type Scope } from '../gateway/caller.ts'
import type { KeyRing } from '../gateway/keys/key-ring.ts'
import { keysBegin } from '../gateway/keys/key-token.ts'

export interface GuardOptions {
  /** Those of the configuration. They open inference. */
  readonly keys: readonly string[]
  /** Those that were made. */
  readonly ring: KeyRing
  readonly adminKey: string
  /** Whether only this machine can reach the server. */
  readonly isLocal: boolean
  /** Whether processes of this machine need no key; undefined: as long as there is none. */
  readonly localWithoutKey?: boolean | undefined
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
}

/** Decides who may speak to this server at all, and who it is. Throws an error that says why not. */
export class Guard {
  readonly #options: GuardOptions
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #keys: readonly { readonly hash: Buffer; readonly caller: Caller }[]
  readonly #adminKey: Buffer
  /** The last Host header that was allowed: most clients send the same one each time. */
  #allowedHost: string | undefined

  constructor(options: GuardOptions) {
    const { keys, adminKey, allowedHosts, allowedOrigins } = options
    this.#options = options
    this.#hosts = new Set(['localhost', hostname(), ...allowedHosts].map((host) => host.toLowerCase()))
    this.#origins = new Set(allowedOrigins)
    this.#keys = keys.map(configuredKey)
    this.#adminKey = digest(adminKey)
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

  /** Who sends this; where none is asked for, `local` is whoever sends no key, or something that clients send for none. */
  identify(headers: IncomingHttpHeaders, url: string): Caller {
    refuseKeyInUrl(url)
    const given = keyOf(headers)
    const known = given === '' ? undefined : this.#holderOf(given)
    if (known) return known
    if (needsNoKey(this.#options) && !given.startsWith(keysBegin)) return localCaller
    throw new InferloomError('invalid_api_key', given === '' ? keyNeeded : 'The key that was sent is not known.')
  }

  #holderOf(given: string): Caller | undefined {
    const made = given.startsWith(keysBegin) ? this.#options.ring.find(given) : undefined
    if (made?.state === 'active') return made.caller
    if (made) {
      const when = new Date(made.at).toISOString()
      throw new InferloomError('invalid_api_key', `The key '${made.name}' ${stateWords[made.state]} ${when}.`)
    }
    const hashed = digest(given)
    // Digests have one length and are compared in constant time, so that neither length nor prefix of a key shows.
    if (timingSafeEqual(this.#adminKey, hashed)) return adminCaller
    return this.#keys.find(({ hash }) => timingSafeEqual(hash, hashed))?.caller
  }
}

const stateWords = { expired: 'expired on', revoked: 'was revoked on', replaced: 'was replaced by another on' } as const
const keyNeeded = 'A key is needed: send "Authorization: Bearer <key>", or the key as x-api-key or x-goog-api-key.'

/** Of whoever owns the home. */
export const adminCaller: Caller = {
  keyId: 'admin',
  name: 'admin',
  scopes: new Set(['inference', 'admin:read', 'admin']),
}

/** Those of the configuration, in its order. */
export function configuredCallers(keys: readonly string[]): Caller[] {
  return keys.map((key, index) => configuredKey(key, index).caller)
}

/** Under a name from which the key cannot be told. */
function configuredKey(key: string, index: number): { readonly hash: Buffer; readonly caller: Caller } {
  const hash = digest(key)
  const scopes: ReadonlySet<Scope> = new Set(['inference'])
  return { hash, caller: { keyId: hash.toString('hex', 0, 8), name: `server.keys[${index}]`, scopes } }
}

/** Whether whoever brings no key may ask models, as `local`. */
export function needsNoKey({
  isLocal,
  localWithoutKey,
  keys,
  ring,
}: Pick<GuardOptions, 'isLocal' | 'localWithoutKey' | 'keys' | 'ring'>): boolean {
  return isLocal && (localWithoutKey ?? (keys.length === 0 && !ring.isUsed))
}

/** Throws where a caller may not do what a request asks for. */
export function requireScope(caller: Caller, scope: Scope): void {
  const { scopes } = caller
  if (scopes.has(scope) || (scope === 'admin:read' && scopes.has('admin'))) return
  if (caller === localCaller) {
    const message = `A key with the scope ${scope} is needed. Remedy: send "Authorization: Bearer <key>" with the key in the file admin-key of the data folder.`
    throw new InferloomError('invalid_api_key', message)
  }
  const message = `The key '${caller.name}' has no scope ${scope}. Remedy: use one that has, such as the one in the file admin-key of the data folder.`
  throw new InferloomError('permission_denied', message)
}

/** OpenAI's, Anthropic's and Google's ways to send a key, so that their clients need no other. */
function keyOf(headers: IncomingHttpHeaders): string {
  const { authorization } = headers
  const bearer = authorization === undefined ? undefined : /^Bearer (.+)$/i.exec(authorization)?.[1]
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
