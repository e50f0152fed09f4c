// A hub that speaks the API of Hugging Face over real HTTP, and the store on another port that it redirects to.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface HubOptions {
  /** By repository, then by path. */
  readonly repos: Readonly<Record<string, Readonly<Record<string, Buffer>>>>
  /** What the hub says the sha256 of a file is, where it is to be wrong. */
  readonly claimedSha256?: string
  /** Repositories that need this token. */
  readonly gated?: { readonly repo: string; readonly token: string }
}

interface Served {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly authorization: string | undefined
  readonly status: number
}

export interface Hub {
  readonly endpoint: string
  readonly cdnUrl: string
  readonly atHub: Served[]
  readonly atCdn: Served[]
  /** What the store does with the next requests; changed at any time. */
  readonly cdn: {
    /** Cuts the connection after this share of what was asked for, so many times. */
    cuts: { share: number; times: number }
    ignoresRange: boolean
    /** Waits in the middle of a file until this resolves. */
    hold: Promise<void> | undefined
  }
}

const pageSize = 2

export async function startHub(options: HubOptions): Promise<Hub> {
  const atHub: Served[] = []
  const atCdn: Served[] = []
  const cdn: Hub['cdn'] = { cuts: { share: 0, times: 0 }, ignoresRange: false, hold: undefined }
  const blobs: ReadonlyMap<string, Buffer> = new Map(
    Object.entries(options.repos).flatMap(([repo, files]) =>
      Object.entries(files).map(([path, bytes]) => [`/${repo}/${path}`, bytes]),
    ),
  )
  const cdnUrl = await listen((request, response) => {
    const bytes = blobs.get(decodeURI(pathOf(request)))
    const status = bytes ? sendBlob(request, response, bytes, cdn) : notFound(response)
    atCdn.push(seen(request, status))
  })
  const endpoint = await listen((request, response) => {
    atHub.push(seen(request, answer(request, response, { ...options, cdnUrl, blobs })))
  })
  return { endpoint, cdnUrl, atHub, atCdn, cdn }
}

interface Context extends HubOptions {
  readonly cdnUrl: string
  readonly blobs: ReadonlyMap<string, Buffer>
}

function answer(request: IncomingMessage, response: ServerResponse, context: Context): number {
  const { repos, gated, cdnUrl, blobs } = context
  const path = decodeURI(pathOf(request))
  const [, listed] = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main$/.exec(path) ?? []
  const [, repo, file] = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(path) ?? []
  const files = repos[listed ?? repo ?? '']
  if (!files) {
    // As the hub does, so as not to tell which repositories exist.
    response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end()
    return 401
  }
  if (listed !== undefined) return sendTree(request, response, files, context)
  if (gated && repo === gated.repo && request.headers.authorization !== `Bearer ${gated.token}`) {
    response.writeHead(401, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access is restricted.' }).end()
    return 401
  }
  const bytes = blobs.get(`/${repo}/${file}`)
  if (!bytes) return notFound(response)
  const etag = `"${context.claimedSha256 ?? sha256(bytes)}"`
  const location = `${cdnUrl}/${repo}/${encodeURI(file ?? '')}?signature=secret`
  response.writeHead(302, { location, 'x-linked-etag': etag, 'x-linked-size': String(bytes.length) }).end()
  return 302
}

/** In pages, the next one named in the Link header. */
function sendTree(
  request: IncomingMessage,
  response: ServerResponse,
  files: Readonly<Record<string, Buffer>>,
  { claimedSha256 }: Context,
): number {
  const url = new URL(request.url ?? '', `http://${request.headers.host}`)
  const start = Number(url.searchParams.get('cursor') ?? 0)
  const entries = Object.entries(files).map(([path, bytes]) => ({
    type: 'file',
    oid: '0'.repeat(40),
    size: bytes.length,
    path,
    lfs: { oid: claimedSha256 ?? sha256(bytes), size: bytes.length, pointerSize: 132 },
  }))
  const all = [{ type: 'directory', oid: '0'.repeat(40), size: 0, path: 'folder' }, ...entries]
  url.searchParams.set('cursor', String(start + pageSize))
  const hasMore = start + pageSize < all.length
  response.writeHead(200, { 'content-type': 'application/json', ...(hasMore && { link: `<${url.href}>; rel="next"` }) })
  response.end(JSON.stringify(all.slice(start, start + pageSize)))
  return 200
}

function sendBlob(request: IncomingMessage, response: ServerResponse, bytes: Buffer, cdn: Hub['cdn']): number {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  const { range, 'if-range': ifRange } = request.headers
  const asked =
    cdn.ignoresRange || (ifRange !== undefined && ifRange !== etag) ? undefined : /^bytes=(\d+)-$/.exec(range ?? '')
  const from = Number(asked?.[1] ?? 0)
  const body = bytes.subarray(from)
  const status = asked ? 206 : 200
  response.writeHead(status, {
    etag,
    'content-length': String(body.length),
    ...(asked && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  })
  const cut = cdn.cuts.times-- > 0
  const half = Math.floor(body.length * (cut ? cdn.cuts.share : 0.5))
  response.write(body.subarray(0, half), () => {
    if (cut) return void setTimeout(() => response.destroy(), 20)
    const rest = () => response.end(body.subarray(half))
    if (cdn.hold) void cdn.hold.then(rest)
    else rest()
  })
  return status
}

function notFound(response: ServerResponse): number {
  response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
  return 404
}

function seen({ headers, url }: IncomingMessage, status: number): Served {
  const { range, 'if-range': ifRange, authorization } = headers
  return { path: url ?? '', range, ifRange: ifRange as string | undefined, authorization, status }
}

function pathOf({ url }: IncomingMessage): string {
  return (url ?? '').split('?')[0] ?? ''
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
