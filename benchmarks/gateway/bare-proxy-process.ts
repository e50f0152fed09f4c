// The least that a gateway in Node has to do: read the body as JSON, choose the model, ask with undici, hand back the
// answer. No routes, no checks, no ledger. Run as a process of its own; the argument is the upstream's address.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { Pool } from 'undici'

const pool = new Pool(process.argv[2] ?? '', { connections: 512 })

const server = createServer((request, response) => {
  void forward(request, response).catch(() => response.destroy())
})

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const asked = JSON.parse(Buffer.concat(pieces).toString()) as { model: string; stream?: boolean }
  const { statusCode, headers, body } = await pool.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
    body: JSON.stringify({ ...asked, model: asked.model.replace(/^.*\//, '') }),
  })
  const type = String(headers['content-type'])
  if (asked.stream) {
    response.writeHead(statusCode, { 'content-type': type })
    return await pipeline(body, response)
  }
  const answer = JSON.stringify(await body.json())
  response.writeHead(statusCode, { 'content-type': type, 'content-length': Buffer.byteLength(answer) }).end(answer)
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
