// Who may do what: scopes, however an address is written, and who needs no key.
import { once } from 'node:events'
import { connect } from 'node:net'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { question, startTestServer, until, type TestServer } from '../server-fixture.ts'

interface Made {
  readonly id: string
  readonly key: string
}

async function started(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env)
  onTestFinished(() => server.close())
  return server
}

async function newKey(server: TestServer, fields: object): Promise<Made> {
  const made = await server.post('/admin/keys', { name: `key ${Math.random()}`, ...fields })
  expect(made.status).toBe(201)
  return (await made.json()) as Made
}

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
}

/** The status of an answer to a request whose address is sent as it is written here. */
async function rawStatus(server: TestServer, line: string, key?: string): Promise<number> {
  const { port, host } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  const auth = key === undefined ? '' : `Authorization: Bearer ${key}\r\n`
  socket.end(`${line} HTTP/1.1\r\nHost: ${host}\r\n${auth}Connection: close\r\n\r\n`)
  let text = ''
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  await once(socket, 'close')
  return Number(text.split(' ')[1])
}

const spellings = [
  'GET /admin/keys',
  'GET /admin/keys?all=true',
  'GET /%61dmin/keys',
  'GET /admin%2fkeys',
  'GET //admin/keys',
  'GET /admin/keys/',
  'GET /ADMIN/keys',
  'GET /v1/../admin/keys',
  'GET /admin/keys;x',
  'GET http://127.0.0.1/admin/keys',
  'GET HTTP://127.0.0.1/%61dmin/audit',
  'HEAD /%61dmin/keys',
  'POST /%61dmin/teams',
]

test('however its address is written, nothing of the admin API opens without the scope', async () => {
  const server = await started()
  for (const line of spellings) expect([400, 401, 404], line).toContain(await rawStatus(server, line))
  const { key } = await newKey(server, {})
  for (const line of spellings) expect([400, 403, 404], line).toContain(await rawStatus(server, line, key))
})

test('each scope opens what it says, and no more', async () => {
  const server = await started()
  const keys = {
    inference: await newKey(server, {}),
    reader: await newKey(server, { scopes: ['admin:read'] }),
    admin: await newKey(server, { scopes: ['admin'] }),
  }
  const body = JSON.stringify({ model: 'loom-mini', messages: question, max_tokens: 2 })
  const statuses = async (key: string) => {
    const headers = bearer(key)
    const answers = await Promise.all([
      fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body }),
      fetch(`${server.url}/v1/models`, { headers }),
      fetch(`${server.url}/admin/keys`, { headers }),
      fetch(`${server.url}/admin/requests`, { headers }),
      fetch(`${server.url}/admin/teams`, { method: 'POST', headers, body: '{"name":"t"}' }),
    ])
    return answers.map(({ status }) => status)
  }
  expect(await statuses(keys.inference.key)).toEqual([200, 200, 403, 403, 403])
  expect(await statuses(keys.reader.key)).toEqual([403, 403, 200, 200, 403])
  expect(await statuses(keys.admin.key)).toEqual([403, 403, 200, 200, 201])
  expect(await statuses(server.adminKey.key)).toEqual([200, 200, 200, 200, 400])
  const list = await (await server.get('/admin/keys')).text()
  for (const { key } of Object.values(keys)) expect(list).not.toContain(key)
})

test('processes of this machine need no key until there is one, and again when it is revoked', async () => {
  const server = await started()
  const models = (headers = {}) => fetch(`${server.url}/v1/models`, { headers }).then(({ status }) => status)
  expect(await models()).toBe(200)
  expect(await models(bearer('whatever-clients-send-for-none'))).toBe(200)
  expect(await models(bearer('il-of-another-server'))).toBe(401)
  const { id, key } = await newKey(server, {})
  expect(await models()).toBe(401)
  expect(await models(bearer('whatever-clients-send-for-none'))).toBe(401)
  expect(await models(bearer(key))).toBe(200)
  expect((await server.post(`/admin/keys/${id}/revoke`, {})).status).toBe(200)
  const refused = await fetch(`${server.url}/v1/models`, { headers: bearer(key) })
  expect(refused.status).toBe(401)
  expect(await refused.text()).toContain('was revoked on')
  expect(await models()).toBe(200)
  expect((await fetch(`${server.url}/admin/keys`)).status).toBe(401)
})

test('server.localWithoutKey says it either way', async () => {
  const open = await started({ INFERLOOM_LOCAL_WITHOUT_KEY: 'true', INFERLOOM_KEYS: 'a-key-of-sixteen-characters' })
  const { key } = await newKey(open, {})
  const models = (server: TestServer, headers = {}) => fetch(`${server.url}/v1/models`, { headers })
  expect((await models(open)).status).toBe(200)
  expect((await models(open, bearer(key))).status).toBe(200)
  expect((await models(open, bearer(`${key}x`))).status).toBe(401)
  const shut = await started({ INFERLOOM_LOCAL_WITHOUT_KEY: 'false' })
  expect((await models(shut)).status).toBe(401)
  expect((await models(shut, bearer(shut.adminKey.key))).status).toBe(200)
})

test('whoever reaches the server from elsewhere needs a key, also when none is left', async () => {
  const server = await started({
    INFERLOOM_HOST: '0.0.0.0',
    INFERLOOM_KEYS: 'a-key-of-sixteen-characters',
    INFERLOOM_LOCAL_WITHOUT_KEY: 'true',
  })
  const { port } = new URL(server.url)
  const at = `http://127.0.0.1:${port}`
  expect((await fetch(`${at}/v1/models`)).status).toBe(401)
  expect((await fetch(`${at}/metrics`)).status).toBe(401)
  expect((await fetch(`${at}/health`)).status).toBe(200)
  expect((await fetch(`${at}/v1/models`, { headers: bearer('a-key-of-sixteen-characters') })).status).toBe(200)
})

test('an answer that runs when its key is revoked goes on to its end; the next request is refused', async () => {
  const server = await started()
  const { id, key } = await newKey(server, {})
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 })
  const ask = { model: 'loom-mini', messages: question, stream: true as const, max_tokens: 60, temperature: 0 }
  const whole = async (stream: AsyncIterable<OpenAI.ChatCompletionChunk>, midway?: () => Promise<unknown>) => {
    let text = ''
    let pieces = 0
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      if (++pieces === 3) await midway?.()
    }
    return text
  }
  const expected = await whole(await client.chat.completions.create(ask))
  const cut = () => server.post(`/admin/keys/${id}/revoke`, {})
  expect(await whole(await client.chat.completions.create(ask), cut)).toBe(expected)
  await expect(client.chat.completions.create(ask)).rejects.toMatchObject({ status: 401 })
  await until('both are in the ledger', async () => {
    const { data } = (await (await server.get('/admin/requests')).json()) as { data: { key_id: string }[] }
    return data.filter((row) => row.key_id === id).length === 2
  })
})

test('a key asks for its models only, and sees no others', async () => {
  const server = await started()
  const { key } = await newKey(server, { models: ['some-other-model'] })
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 })
  expect((await client.models.list()).data).toEqual([])
  await expect(client.models.retrieve('loom-mini')).rejects.toMatchObject({ status: 403, code: 'model_not_allowed' })
  const refused = { status: 403, code: 'model_not_allowed', param: 'model' }
  const messages = question
  await expect(client.chat.completions.create({ model: 'loom-mini', messages })).rejects.toMatchObject(refused)
  await expect(client.responses.create({ model: 'loom-mini', input: 'hi' })).rejects.toMatchObject(refused)
  const count = await fetch(`${server.url}/v1/messages/count_tokens`, {
    method: 'POST',
    headers: bearer(key),
    body: JSON.stringify({ model: 'loom-mini', messages: question }),
  })
  expect(count.status).toBe(403)
})

test('a key in the address is refused, and is in no answer', async () => {
  const server = await started()
  const { key } = await newKey(server, {})
  for (const name of ['key', 'api_key', 'api-key', 'apikey', 'KEY', '%6bey']) {
    const answer = await fetch(`${server.url}/v1/models?${name}=${key}`)
    expect(answer.status, name).toBe(401)
    expect(await answer.text()).not.toContain(key)
  }
})

test("one key's stored answers are not another's", async () => {
  const server = await started()
  const clients = (await Promise.all([newKey(server, {}), newKey(server, {})])).map(
    ({ key }) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 }),
  )
  const [mine, theirs] = clients
  const kept = await mine?.responses.create({ model: 'loom-mini', input: 'What is inference?', max_output_tokens: 16 })
  await expect(mine?.responses.retrieve(kept?.id ?? '')).resolves.toMatchObject({ id: kept?.id })
  await expect(theirs?.responses.retrieve(kept?.id ?? '')).rejects.toMatchObject({ status: 404 })
})
