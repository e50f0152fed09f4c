import { isIP } from 'node:net'
import { InferloomError } from '../../canonical/errors.ts'

export interface FetchOptions {
  /** Sent to this origin and to no other. */
  readonly endpoint: URL
  readonly token: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const mostRedirects = 10

/**
 * Fetches, following redirects by hand: the hub answers with one to a store of another company, which must not see
 * the token, and the checksum is in the headers of the redirect itself. Throws `invalid_value` for an address that
 * is not encrypted, and `pull_failed` where nobody answers.
 */
export async function fetchFollowing(
  start: URL,
  { endpoint, token, headers, signal }: FetchOptions,
): Promise<{ response: Response; url: URL; linkedEtag: string | undefined }> {
  let url = start
  let linkedEtag: string | undefined
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    checkEncrypted(url, endpoint)
    const isHub = url.origin === endpoint.origin
    const response = await reach(url, {
      redirect: 'manual',
      signal,
      headers: {
        // Compressed bytes could neither be resumed nor compared with the size that was promised.
        'accept-encoding': 'identity',
        'user-agent': 'inferloom',
        ...headers,
        ...(isHub && token !== undefined && { authorization: `Bearer ${token}` }),
      },
    })
    if (isHub) linkedEtag ??= response.headers.get('x-linked-etag') ?? undefined
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return { response, url, linkedEtag }
    await response.body?.cancel()
    if (!URL.canParse(location, url.href)) {
      throw new InferloomError('pull_failed', `${url.host} redirects to an address that cannot be read.`)
    }
    url = new URL(location, url)
  }
  throw new InferloomError('pull_failed', `${start.host} redirects more than ${mostRedirects} times.`)
}

async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new InferloomError('pull_failed', `${url.host} cannot be reached: ${reasonOf(error)}.`, { cause: error })
  }
}

/** What fetch says itself is "fetch failed"; why is in its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}

/** Without encryption anyone on the way can change a model; this machine and an endpoint that was set are trusted. */
function checkEncrypted(url: URL, endpoint: URL): void {
  if (url.protocol === 'https:') return
  if (url.protocol === 'http:' && (url.origin === endpoint.origin || isLoopback(url.hostname))) return
  throw new InferloomError('invalid_value', `${url.protocol}//${url.host} is not encrypted. Remedy: use https.`)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
}
