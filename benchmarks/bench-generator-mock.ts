// A server that knows when it took each request and wrote each piece: what the load generator says is held against that.
// On bare sockets, so that it costs less than the generator. Told by messages what to do and asked for what it saw.
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { seededRandom } from './seeded-random.ts'

/** Milliseconds; half of the delay before the first piece is random. */
export interface Pace {
  readonly firstMs: number
  readonly gapMs: number
  readonly pieces: number
}

/** By request, in the order in which they ended. */
export interface Seen {
  readonly ttft: number[]
  readonly latency: number[]
  readonly gaps: number[]
  readonly connections: number
}

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const framed = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const event = (value: unknown) => framed(`data: ${JSON.stringify(value)}\n\n`)
const base = { id: 'chatcmpl-mock', object: 'chat.completion.chunk', created: 1, model: 'mock' }
const piece = event({ ...base, choices: [{ index: 0, delta: { content: ' word' }, finish_reason: null }] })
const lastOf = (pieces: number) =>
  event({ ...base, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
  event({ ...base, choices: [], usage: { prompt_tokens: 20, completion_tokens: pieces } }) +
  framed('data: [DONE]\n\n') +
  '0\r\n\r\n'

const random = seededRandom(7)
let pace: Pace = { firstMs: 0, gapMs: 0, pieces: 1 }
let seen: Seen = { ttft: [], latency: [], gaps: [], connections: 0 }
let connections = 0

const server = createServer({ noDelay: true }, (socket) => {
  connections++
  let held = ''
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  socket.on('data', (text: string) => {
    held += text
    const bodyAt = held.indexOf('\r\n\r\n') + 4
    const length = Number(/content-length: (\d+)/i.exec(held)?.[1] ?? 0)
    if (bodyAt < 4 || held.length < bodyAt + length) return
    held = ''
    answer(socket, performance.now())
  })
})

function answer(socket: Socket, takenAt: number): void {
  const { firstMs, gapMs, pieces } = pace
  const end = (firstAt: number) => {
    seen.ttft.push(firstAt - takenAt)
    seen.latency.push(performance.now() - takenAt)
  }
  if (firstMs === 0) {
    const now = performance.now()
    socket.write(head + piece.repeat(pieces) + lastOf(pieces))
    return end(now)
  }
  setTimeout(
    () => {
      const firstAt = performance.now()
      socket.write(head + piece)
      let lastAt = firstAt
      let left = pieces - 1
      const next = () => {
        if (socket.destroyed) return
        const now = performance.now()
        if (left-- === 0) {
          socket.write(lastOf(pieces))
          return end(firstAt)
        }
        seen.gaps.push(now - lastAt)
        lastAt = now
        socket.write(piece)
        setTimeout(next, gapMs)
      }
      setTimeout(next, gapMs)
    },
    firstMs * (0.5 + random()),
  )
}

process.on('message', (message: Pace | 'report') => {
  if (message === 'report') return void process.send?.({ ...seen, connections })
  pace = message
  seen = { ttft: [], latency: [], gaps: [], connections: 0 }
  process.send?.('ready')
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
