// A bare Node server that reads a request's body, parses it, and answers with the same bytes each time: what a kept
// answer is measured against. The argument is the answer.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const answer = Buffer.from(process.argv[2] ?? '')
const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    JSON.parse(Buffer.concat(pieces).toString())
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    response.end(answer)
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
