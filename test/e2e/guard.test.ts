// Who may speak to the server at all.
import { request } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { startServer } from '../../src/server/start.ts'
import { startTestServer, temporaryFolder } from '../server-fixture.ts'

/** `fetch` sets Host and Origin by itself; this does as it is told. */
async function send(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
    })
    outgoing.on('error', reject).end()
  })
}

test('requests sent to a foreign host name or from a foreign page are refused', async () => {
  const server = await startTestServer({
    INFERLOOM_ALLOWED_HOSTS: 'models.example.com',
    INFERLOOM_ALLOWED_ORIGINS: 'https://chat.example.com',
  })
  onTestFinished(() => server.close())
  const url = `${server.url}/v1/models`
  const { host } = new URL(url)
  for (const headers of [
    { host },
    { host: 'localhost:4633' },
    { host: 'models.example.com' },
    { host, origin: `http://${host}` },
    { host: '[::1]:80' },
  ]) {
    expect(await send(url, headers)).toMatchObject({ status: 200 })
  }
  for (const foreign of ['evil.example.com', 'localhost.evil.com', '127.0.0.1.evil.com']) {
    expect(await send(url, { host: foreign })).toMatchObject({
      status: 403,
      body: expect.stringContaining('host_refused') as string,
    })
  }
  for (const origin of ['https://evil.example.com', 'null', 'http://127.0.0.1:1']) {
    expect(await send(url, { host, origin })).toMatchObject({
      status: 403,
      body: expect.stringContaining('origin_refused') as string,
    })
  }
  const allowed = await send(url, { host, origin: 'https://chat.example.com' })
  expect(allowed).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': 'https://chat.example.com' } })
})

test('with keys configured, only they open inference, and they are in no answer', async () => {
  const key = 'a-key-of-sixteen-characters'
  const server = await startTestServer({ INFERLOOM_KEYS: key })
  onTestFinished(() => server.close())
  for (const path of ['/v1/models', '/v1/responses/none', '/admin/requests', '/admin/engine']) {
    const without = await fetch(server.url + path)
    expect(without.status).toBe(401)
    const wrong = await server.get(path, { authorization: `Bearer ${key}x` })
    expect(wrong.status).toBe(401)
    expect(await wrong.text()).not.toContain(key)
    const expected = path.startsWith('/admin') ? 403 : path === '/v1/models' ? 200 : 404
    expect((await server.get(path, { authorization: `Bearer ${key}` })).status).toBe(expected)
  }
  expect((await server.get('/health')).status).toBe(200)
  expect((await server.client.models.list()).data).toHaveLength(3)
})

test('listening beyond this machine without keys is refused, with the remedy', async () => {
  const loaded = await loadConfig({
    env: { INFERLOOM_HOME: temporaryFolder(), INFERLOOM_PORT: '0', INFERLOOM_HOST: '0.0.0.0' },
  })
  await expect(startServer(loaded)).rejects.toThrow(/server\.keys/)
})

test('a client that sends its headers too slowly is cut off', async () => {
  const home = temporaryFolder()
  const loaded = await loadConfig({ env: { INFERLOOM_HOME: home, INFERLOOM_PORT: '0', INFERLOOM_LOG: 'silent' } })
  loaded.config.server.headersTimeoutSeconds = 0.2
  loaded.config.server.requestTimeoutSeconds = 0.2
  const server = await startServer(loaded)
  onTestFinished(() => server.close())
  const { connect } = await import('node:net')
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write('GET /health HTTP/1.1\r\nHost: loc')
  await new Promise((resolve) =>
    socket
      .on('error', resolve)
      .on('data', () => {})
      .on('close', resolve),
  )
})
