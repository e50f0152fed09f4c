import { InferloomError } from '../../canonical/errors.ts'
import { fetchFollowing } from './fetch-following.ts'

/** Where models are pulled from, and who asks. */
export interface Hub {
  /** `https://huggingface.co`, or a mirror named by HF_ENDPOINT. */
  readonly endpoint: URL
  /** HF_TOKEN: for models whose owners ask for an account. */
  readonly token: string | undefined
}

export interface HubFile {
  readonly path: string
  readonly size: number
  readonly sha256: string | undefined
}

/** Reads where to pull from as the hub's own tools do. Throws `config_invalid` for an endpoint that is no URL. */
export function hubFrom(env: NodeJS.ProcessEnv): Hub {
  const text = env['HF_ENDPOINT'] || 'https://huggingface.co'
  const token = env['HF_TOKEN'] || undefined
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InferloomError('config_invalid', 'HF_ENDPOINT: it must be a URL such as https://huggingface.co.')
  }
  if (token !== undefined && !/^[\x21-\x7e]{1,500}$/.test(token)) {
    throw new InferloomError('config_invalid', 'HF_TOKEN: it holds characters that no token has.')
  }
  return { endpoint: new URL(text.replace(/\/+$/, '')), token }
}

const mostPages = 50
const longestPage = 16 * 1024 * 1024

/**
 * Lists the files of a repository: `GET /api/models/{repo}/tree/main?recursive=true`, in pages that the Link header
 * joins. Large files carry their sha256 as `lfs.oid`.
 * https://huggingface.co/docs/huggingface.js/hub/interfaces/ListFileEntry
 */
export async function listFiles(hub: Hub, repo: string, signal: AbortSignal): Promise<HubFile[]> {
  const files: HubFile[] = []
  let next: URL | undefined = at(hub, `/api/models/${repo}/tree/main?recursive=true`)
  for (let page = 0; next !== undefined; page++) {
    if (page === mostPages) {
      throw new InferloomError('pull_failed', `${repo} lists more than ${mostPages} pages of files.`)
    }
    const { response, url } = await fetchFollowing(next, { ...hub, signal })
    if (!response.ok) throw await hubError(response, repo, hub.token !== undefined)
    files.push(...entriesOf(await boundedJson(response, url), url))
    const link: string | undefined = /<([^>]+)>\s*;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    next = link !== undefined && URL.canParse(link, url.href) ? new URL(link, url) : undefined
    // The token goes along, so the next page is fetched from the hub itself or not at all.
    if (next && next.origin !== hub.endpoint.origin) next = new URL(next.pathname + next.search, hub.endpoint)
  }
  return files
}

/** `{endpoint}/{repo}/resolve/main/{path}`: https://huggingface.co/docs/xet/file-id */
export function resolveUrl(hub: Hub, repo: string, path: string): URL {
  return at(hub, `/${repo}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`)
}

function at({ endpoint }: Hub, path: string): URL {
  return new URL(endpoint.href.replace(/\/+$/, '') + path)
}

async function boundedJson(response: Response, url: URL): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += (chunk as Uint8Array).length
    if (length > longestPage) throw new InferloomError('pull_failed', `${url.host} answers with more than 16 MB.`)
    chunks.push(chunk as Uint8Array)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw new InferloomError('pull_failed', `${url.host} does not answer like the hub: no JSON came.`, { cause })
  }
}

function entriesOf(value: unknown, url: URL): HubFile[] {
  if (!Array.isArray(value)) {
    throw new InferloomError('pull_failed', `${url.host} does not answer like the hub: no list came.`)
  }
  return value.flatMap((each) => {
    const { type, path, size, lfs } = (each ?? {}) as Record<string, unknown>
    const { oid, size: largeSize } = (lfs ?? {}) as Record<string, unknown>
    const bytes = largeSize ?? size
    if (type !== 'file' || typeof path !== 'string' || typeof bytes !== 'number') return []
    if (!Number.isSafeInteger(bytes) || bytes < 0) return []
    return [{ path, size: bytes, sha256: sha256In(oid) }]
  })
}

/** A sha256 as `lfs.oid` has it, or as it stands in an ETag of the hub. */
export function sha256In(value: unknown): string | undefined {
  return typeof value === 'string' ? /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(value)?.[1]?.toLowerCase() : undefined
}

/**
 * Says what the hub refused, by its X-Error-Code; it answers 401 also for repositories that do not exist, so as not
 * to tell which do (huggingface_hub, `hf_raise_for_status` in utils/_http.py).
 */
export async function hubError(response: Response, repo: string, hasToken: boolean): Promise<InferloomError> {
  await response.body?.cancel()
  const code = response.headers.get('x-error-code')
  const { status } = response
  const token = hasToken
    ? 'ask for access on its page with the account that HF_TOKEN belongs to'
    : 'ask for access on its page, then set HF_TOKEN to a token of that account'
  if (code === 'GatedRepo') return new InferloomError('model_gated', `${repo} is gated. Remedy: ${token}.`)
  if (code === 'EntryNotFound') return new InferloomError('model_not_found', `${repo} no longer has that file.`)
  if (status === 401 || status === 403 || status === 404 || code === 'RepoNotFound') {
    return new InferloomError(
      status === 404 ? 'model_not_found' : 'model_gated',
      `${repo} does not exist, or is private (the hub answered ${status}). Remedy: check the name; if it is right, ${token}.`,
    )
  }
  const seconds = Number(response.headers.get('retry-after'))
  return new InferloomError('pull_failed', `The hub answered ${status} for ${repo}.`, {
    ...(seconds > 0 && { retryAfterSeconds: Math.min(seconds, 60) }),
  })
}
