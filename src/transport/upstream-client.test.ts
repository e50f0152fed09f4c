import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcp, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { UpstreamClient } from './upstream-client.ts'

const timeouts = { connect: 5, firstByte: 5, idle: 5, total: 60 }

async function startServer(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

function client(): UpstreamClient {
  const made = new UpstreamClient('acme', timeouts)
  onTestFinished(() => made.close())
  return made
}

const get = (url: URL) => ({ method: 'GET', url, headers: {} }) as const

test('a reader who does not read holds the sender back, and gets every byte in the end', async () => {
  const total = 64 * 1024 * 1024
  const piece = Buffer.alloc(256 * 1024, 'x')
  let sent = 0
  let drained = 0
  const url = await startServer((_, response) => {
    const send = () => {
      drained = performance.now()
      while (sent < total) {
        sent += piece.length
        if (!response.write(piece)) return void response.once('drain', send)
      }
      response.end()
    }
    send()
  })
  const reply = await client().send(get(url), new AbortController().signal)
  const body = reply.body[Symbol.asyncIterator]()
  const sizeOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, each) => sum + each.length, 0)
  let received = sizeOf((await body.next()).value ?? [])
  // Until nothing more goes: what the two sockets hold is the system's to say, and it is far from all.
  while (performance.now() - drained < 300) await new Promise((resolve) => setTimeout(resolve, 50))
  expect(sent).toBeLessThan(total)
  for (let next = await body.next(); !next.done; next = await body.next()) received += sizeOf(next.value)
  expect(received).toBe(total)
})

test('a connection is used again once its answer is read', async () => {
  const ports: unknown[] = []
  const url = await startServer((request, response) => {
    ports.push(request.socket.remotePort)
    response.end('ok')
  })
  const asking = client()
  for (let count = 0; count < 3; count++) {
    const { body } = await asking.send(get(url), new AbortController().signal)
    expect(Buffer.concat((await Array.fromAsync(body)).flat()).toString()).toBe('ok')
    // undici takes a connection back in the turn after its answer has ended.
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(new Set(ports).size).toBe(1)
})

test('what is no HTTP is said to be none', async () => {
  const server = createTcp((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  await expect(client().send(get(url), new AbortController().signal)).rejects.toMatchObject({
    code: 'provider_invalid_reply',
  })
})

test('closing ends what is running', async () => {
  const url = await startServer((_, response) => response.write('a'))
  const asking = client()
  const { body } = await asking.send(get(url), new AbortController().signal)
  const reading = Array.fromAsync(body)
  await asking.close()
  await expect(reading).rejects.toMatchObject({ code: 'shutting_down' })
})
