// What goes wrong around an answer: dead engines, full queues, clients that leave or do not read, shutdown.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { engineOf, question, startTestServer, until, type TestServer } from '../server-fixture.ts'

const model = 'loom-mini'
/** Answers as long as the context allows: the tokens that would end them are forbidden. */
const long = { model, messages: question, logit_bias: { 0: -100, 2: -100 } }

async function started(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env)
  onTestFinished(() => server.close())
  return server
}

test('an engine that is killed fails its requests with a retryable error and comes back', async () => {
  const server = await started()
  const before = await engineOf(server)
  const stream = await server.client.chat.completions.create({ ...long, stream: true })
  const reading = (async () => {
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) process.kill(before.pid, 'SIGKILL')
  })()
  await expect(reading).rejects.toMatchObject({ code: 'engine_failed' })
  await until('the engine is back', async () => (await engineOf(server)).state === 'ready')
  const after = await engineOf(server)
  expect(after.pid).not.toBe(before.pid)
  expect(after).toMatchObject({ restarts: 1, outstanding: 0 })
  const { choices } = await server.client.chat.completions.create({ model, messages: question, temperature: 0 })
  expect(choices[0]?.message.content).toContain('trained model')
})

test('a request that is not a stream gets 503 when its engine dies, and the ledger says why', async () => {
  const server = await started()
  const asked = server.client.chat.completions.create(long)
  await until('it is running', async () => (await engineOf(server)).stats.running === 1)
  process.kill((await engineOf(server)).pid, 'SIGKILL')
  await expect(asked).rejects.toMatchObject({ status: 503, code: 'engine_failed' })
  const { data } = (await (await server.get('/admin/requests')).json()) as { data: unknown[] }
  expect(data[0]).toMatchObject({ status: 503, error: 'engine_failed' })
})

test('past the queue, requests are refused with 503 and the time to come back; those taken in all end', async () => {
  const server = await started({ INFERLOOM_PARALLEL: '2', INFERLOOM_QUEUE: '3' })
  const asked = Array.from(
    { length: 12 },
    async () => await server.post('/v1/chat/completions', { ...long, max_tokens: 200 }),
  )
  const answers = await Promise.all(asked)
  const refused = answers.filter(({ status }) => status === 503)
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  expect(refused).toHaveLength(7)
  for (const answer of refused) {
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(await answer.json()).toMatchObject({ error: { code: 'engine_overloaded', type: 'server_error' } })
  }
})

test('cancelling half of the streams frees their slots while the others go on', async () => {
  const server = await started({ INFERLOOM_PARALLEL: '8' })
  const streams = await Promise.all(
    Array.from({ length: 8 }, () => server.client.chat.completions.create({ ...long, stream: true, max_tokens: 600 })),
  )
  await until('all are running', async () => (await engineOf(server)).stats.freeSlots === 0)
  for (const stream of streams.slice(0, 4)) stream.controller.abort()
  await until('half of the slots are free', async () => (await engineOf(server)).stats.freeSlots === 4)
  const ended = await Promise.all(
    streams.slice(4).map(async (stream) => (await Array.fromAsync(stream)).at(-1)?.choices[0]?.finish_reason),
  )
  expect(ended).toEqual(['length', 'length', 'length', 'length'])
})

test('a client that leaves is in the ledger with what it was given', async () => {
  const server = await started()
  const stream = await server.client.chat.completions.create({ ...long, stream: true })
  let chunks = 0
  for await (const _ of stream) if (++chunks === 5) break
  await until('its row is there', async () => {
    const { data } = (await (await server.get('/admin/requests')).json()) as { data: Record<string, unknown>[] }
    return data[0]?.['error'] === 'client_closed' && Number(data[0]['output_tokens']) >= 4
  })
  await until('its slot is free', async () => (await engineOf(server)).stats.freeSlots === 16)
})

async function openStream(server: TestServer, body: unknown): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const text = JSON.stringify(body)
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
  return socket
}

test('a client that does not read holds up nobody else', async () => {
  const server = await started()
  // Log probabilities make the answer larger than the socket's buffers: 2 × 600 tokens are 4 MB.
  const body = { ...long, stream: true, logprobs: true, top_logprobs: 20, n: 2, max_tokens: 600 }
  const socket = await openStream(server, body)
  socket.pause()
  const { choices } = await server.client.chat.completions.create({ model, messages: question, temperature: 0 })
  expect(choices[0]?.message.content).toContain('trained model')
  await until('the engine is done with it', async () => (await engineOf(server)).stats.freeSlots === 16)
  socket.destroy()
})

test('a connection that never asks for anything does not keep the server from ending', async () => {
  const server = await started({ INFERLOOM_SHUTDOWN_GRACE_SECONDS: '0.2' })
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  await server.close()
  await closed
})

test('shutdown lets a running answer finish, refuses new ones, and ends what takes too long', async () => {
  const server = await started({ INFERLOOM_SHUTDOWN_GRACE_SECONDS: '0.5' })
  const short = server.client.chat.completions.create({ ...long, max_tokens: 40 })
  // The engine answers 900 tokens a second or so: this one cannot end within the grace.
  const slow = await server.client.chat.completions.create({ ...long, n: 16, stream: true, temperature: 1.9 })
  const reading = Array.fromAsync(slow)
  void reading.catch(() => {})
  await short
  const began = performance.now()
  const closing = server.close()
  await expect(reading).rejects.toThrow(/shutting down/)
  await closing
  expect(performance.now() - began).toBeGreaterThan(400)
  await expect(server.client.chat.completions.create({ model, messages: question })).rejects.toThrow(
    OpenAI.APIConnectionError,
  )
})
