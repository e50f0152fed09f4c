// A real HTTP server that plays a provider: it answers with what a test gives it, byte for byte, and remembers what it
// was asked. `cut` says how the bytes travel: 'whole', one at a time, or in pieces of the given sizes in turn.
//
//   const upstream = await startUpstream(() => sse(['{"id":"1"}', '[DONE]']))
//   const upstream = await startUpstream(() => ({ status: 429, headers: { 'retry-after': '7' }, body: '{}' }))
//   const upstream = await startUpstream(() => ({ ...sse(lines), cut: [1], ending: 'reset' }))
//
// `ending` says what follows the last byte: 'end' (the default), 'stall' (nothing, until the test ends) or 'reset'.
// Model lists are asked for in the background, so requests for `/models` have answers of their own and are not counted.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface UpstreamAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Comes after the body, when it is there. */
  readonly rest?: Promise<string | Uint8Array>
  readonly cut?: 'whole' | readonly number[]
  readonly ending?: 'end' | 'stall' | 'reset'
}

export interface AskedOfUpstream {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Resolves when its connection is closed before the answer was complete. */
  readonly left: Promise<void>
}

export interface Upstream {
  readonly url: string
  /** Everything that was asked, in order. */
  readonly asked: readonly AskedOfUpstream[]
  /** The body of the last request, as JSON. */
  body(): Record<string, unknown>
}

type Answer = (request: AskedOfUpstream) => UpstreamAnswer | Promise<UpstreamAnswer>

/** Ends with the test that starts it. */
export async function startUpstream(answer: Answer, models?: Answer): Promise<Upstream> {
  const upstream = await openUpstream(answer, models)
  onTestFinished(upstream.close)
  return upstream
}

/** The same for several tests, until it is closed. */
export async function openUpstream(
  answer: Answer,
  models?: Answer,
): Promise<Upstream & { readonly close: () => void }> {
  const asked: AskedOfUpstream[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const left = once(response, 'close').then(() =>
        response.writableFinished ? new Promise<void>(() => {}) : undefined,
      )
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body: Buffer.concat(pieces).toString(), left }
      const isList = method === 'GET' && path.endsWith('/models')
      if (!isList) asked.push(one)
      const reply = isList ? (models ?? emptyList) : answer
      void Promise.resolve(reply(one)).then((given) => write(given, response))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    body: () => JSON.parse(asked.at(-1)?.body ?? '') as Record<string, unknown>,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const emptyList: Answer = () => json({ object: 'list', data: [] })

async function write(answer: UpstreamAnswer, response: ServerResponse): Promise<void> {
  const { status = 200, headers = {}, body = '', rest, cut = 'whole', ending = 'end' } = answer
  response.socket?.setNoDelay(true)
  response.writeHead(status, headers)
  response.flushHeaders()
  for (const part of [body, rest]) {
    for (const piece of piecesOf(Buffer.from((await part) ?? ''), cut)) {
      if (response.destroyed) return
      // Each piece is a write of its own, and the next waits for the reader's turn.
      if (!response.write(piece)) await once(response, 'drain').catch(() => {})
      if (cut !== 'whole') await new Promise((resolve) => setImmediate(resolve))
    }
  }
  if (ending === 'end') response.end()
  // The last bytes must be on their way before the connection is reset.
  if (ending === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 20)
}

function* piecesOf(bytes: Buffer, cut: 'whole' | readonly number[]): Generator<Buffer> {
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = cut === 'whole' ? bytes.length : Math.max(1, cut[turn % cut.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

/** A stream of server-sent events, one for each text. */
export function sse(data: readonly string[], headers: Readonly<Record<string, string>> = {}): UpstreamAnswer {
  const body = data.map((each) => `data: ${each}\n\n`).join('')
  return { headers: { 'content-type': 'text/event-stream', ...headers }, body }
}

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): UpstreamAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
