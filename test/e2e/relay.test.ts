// Requests that are passed on in their client's own bytes, because the provider speaks the client's wire.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { ledgerOf, startWithProviders } from '../provider-fixture.ts'
import { question, until } from '../server-fixture.ts'
import { withoutCost } from '../told-cost.ts'
import { json, sse, startUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const key = 'sk-of-the-provider'

// https://platform.openai.com/docs/api-reference/chat/object and …/chat-streaming
const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 }
const whole = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4.1-2025-04-14',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage,
  not_known_here: { deep: [1] },
}
const delta = (content: string) => `{"id":"1","choices":[{"index":0,"delta":{"content":"${content}"}}],"odd":1.50}`
const last = '{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
const usageOnly = JSON.stringify({ id: '1', choices: [], usage })
const stream = [delta('Hel'), delta('lo'), last, usageOnly, '[DONE]']

async function started(answer: () => UpstreamAnswer, settings: object = {}, env: Record<string, string> = {}) {
  const upstream = await startUpstream(answer)
  const server = await startWithProviders(
    {
      up: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key, ...settings },
    },
    env,
  )
  return { upstream, server }
}

test('bytes go both ways as they are: fields nobody knows, their order, numbers and spaces', async () => {
  const { upstream, server } = await started(() => json(whole, 200, { 'x-request-id': 'req-7', 'set-cookie': 'a=b' }))
  const rest = ' ,"messages":[{"role":"user","content":"\\u0041 \\ud800"}], "seed":12345678901234567890, "t":1.0E+2 }'
  const answer = await server.post(chat, `{ "unknown":[{"model":"x"}] , "model" : "up/gpt-4.1"${rest}`)
  expect(withoutCost(await answer.text())).toBe(JSON.stringify(whole))
  expect(answer.status).toBe(200)
  const [asked] = upstream.asked
  expect(asked?.body).toBe(`{ "unknown":[{"model":"x"}] , "model" : "gpt-4.1"${rest}`)
  expect(asked?.path).toBe('/v1/chat/completions')
  expect(asked?.headers.authorization).toBe(`Bearer ${key}`)
  expect(answer.headers.get('x-inferloom-provider-request-id')).toBe('req-7')
  expect(answer.headers.get('x-request-id')).not.toBe('req-7')
  expect(answer.headers.get('set-cookie')).toBeNull()
  const [row] = await ledgerOf(server)
  expect(row).toMatchObject({ model: 'up/gpt-4.1', served_model: 'gpt-4.1-2025-04-14', provider: 'up', status: 200 })
  expect(row).toMatchObject({ prompt_tokens: 9, output_tokens: 2, finish_reason: 'stop', error: null })
})

test('a stream is passed on event by event, without the usage that the client did not ask for', async () => {
  const { upstream, server } = await started(() => ({ ...sse(stream), cut: [7, 1, 50] }))
  const answer = await server.post(chat, { model: 'up/m', messages: question, stream: true })
  expect(await answer.text()).toBe(
    [delta('Hel'), delta('lo'), last, '[DONE]'].map((each) => `data: ${each}\n\n`).join(''),
  )
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  expect(upstream.body()['stream_options']).toEqual({ include_usage: true })
  expect((await ledgerOf(server))[0]).toMatchObject({
    stream: 1,
    prompt_tokens: 9,
    output_tokens: 2,
    finish_reason: 'stop',
  })
  expect((await ledgerOf(server))[0]?.['ttft_ms']).toBeGreaterThan(0)

  const asked = { model: 'up/m', messages: question, stream: true, stream_options: { include_usage: true } }
  expect(withoutCost(await (await server.post(chat, asked)).text())).toContain(usageOnly)
})

test('a field that decides where a request goes must be there once', async () => {
  const { upstream, server } = await started(() => json(whole))
  for (const [body, param] of [
    ['{"model":"up/a","messages":[],"model":"up/b"}', 'model'],
    ['{"model":"up/a","mod\\u0065l":"up/b","messages":[]}', 'model'],
    ['{"stream":false,"model":"up/a","messages":[],"stream":true}', 'stream'],
  ] as const) {
    const answer = await server.post(chat, body)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'invalid_value', param } })
  }
  expect(upstream.asked).toEqual([])
})

test('deep nesting and fifty thousand messages are passed on', async () => {
  const { upstream, server } = await started(() => json(whole))
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const messages = JSON.stringify(
    Array.from({ length: 50_000 }, (_, index) => ({ role: 'user', content: `n ${index}` })),
  )
  for (const rest of [`"deep":${deep}}`, `"messages":${messages}}`]) {
    expect((await server.post(chat, `{"model":"up/m",${rest}`)).status).toBe(200)
    expect(upstream.asked.at(-1)?.body === `{"model":"m",${rest}`).toBe(true)
  }
})

test('nothing that a client sends changes where a key goes, and its own headers stay here', async () => {
  const elsewhere = await startUpstream(() => json(whole))
  const { upstream, server } = await started(() => json(whole), { headers: { 'x-team': 'red' } })
  const host = new URL(elsewhere.url).host
  const body = { model: 'up/m', messages: question, base_url: elsewhere.url, baseUrl: elsewhere.url, api_base: host }
  const headers = {
    'x-forwarded-host': host,
    'x-base-url': elsewhere.url,
    'x-portkey-custom-host': elsewhere.url,
    'x-team': 'blue',
    cookie: 'session=1',
    'x-api-key': 'of-the-client',
    authorization: 'Bearer of-the-client',
  }
  expect((await server.post(chat, body, headers)).status).toBe(200)
  const [asked] = upstream.asked
  expect(asked?.headers).toMatchObject({ authorization: `Bearer ${key}`, 'x-team': 'red' })
  expect(JSON.stringify(asked?.headers)).not.toMatch(/of-the-client|session|blue/)
  for (const model of [`up/../../x`, 'up/a\r\nx-injected: 1', `up/${elsewhere.url}`]) {
    await server.post(chat, { model, messages: question })
  }
  expect(upstream.asked.map(({ path }) => path)).toEqual(Array.from(upstream.asked, () => chat))
  expect(upstream.asked.every((each) => each.headers['x-injected'] === undefined)).toBe(true)
  expect(elsewhere.asked).toEqual([])
})

test('a provider’s refusal keeps its status, names the provider and says when to come back', async () => {
  const body = { error: { message: 'Slow down', type: 'requests', code: 'rate_limit_exceeded' } }
  const { server } = await started(
    () => json(body, 429, { 'retry-after': '90', 'x-request-id': 'req-8' }),
    {},
    { INFERLOOM_PACING: 'false' },
  )
  for (const stream of [true, false]) {
    const answer = await server.post(chat, { model: 'up/m', messages: question, stream })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('90')
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'rate_limited',
        type: 'rate_limit_error',
        provider: { name: 'up', status: 429, request_id: 'req-8' },
      },
    })
  }
  expect((await ledgerOf(server))[0]).toMatchObject({ status: 429, error: 'rate_limited', provider: 'up' })
})

test('a client that leaves ends the request upstream, and its row says what it was given', async () => {
  const { upstream, server } = await started(() => ({ ...sse([delta('a'), delta('b')]), ending: 'stall' }))
  const leaving = new AbortController()
  const answer = await fetch(server.url + chat, {
    method: 'POST',
    body: JSON.stringify({ model: 'up/m', messages: question, stream: true }),
    signal: leaving.signal,
  })
  const reader = answer.body?.getReader()
  let text = ''
  while (!text.includes(delta('b'))) text += Buffer.from((await reader?.read())?.value ?? []).toString()
  leaving.abort()
  await upstream.asked[0]?.left
  await until('its row is there', async () => (await ledgerOf(server)).length === 1)
  expect((await ledgerOf(server))[0]).toMatchObject({ status: 499, error: 'client_closed', output_tokens: 2 })
})

test.each(['reset', 'end'] as const)('an answer that is cut (%s) ends with an error event', async (ending) => {
  const { server } = await started(() => ({ ...sse([delta('a'), delta('b')]), cut: [30], ending }))
  const answer = await server.post(chat, { model: 'up/m', messages: question, stream: true })
  const events = (await answer.text()).trimEnd().split('\n\n')
  expect(events.slice(0, 2)).toEqual([`data: ${delta('a')}`, `data: ${delta('b')}`])
  expect(events).toHaveLength(3)
  const { error } = JSON.parse(events[2]?.slice('data: '.length) ?? '') as { error: Record<string, unknown> }
  expect(error).toMatchObject({ type: 'server_error', provider: { name: 'up' } })
  const [row] = await ledgerOf(server)
  expect(row).toMatchObject({ error: error['code'], output_tokens: 2 })
  expect(row?.['status']).toBeGreaterThanOrEqual(500)
})

test('an answer that stalls ends with an error event, and is ended upstream', async () => {
  const { upstream, server } = await started(() => ({ ...sse([delta('a')]), ending: 'stall' }), {
    timeouts: { idle: 0.2 },
  })
  const answer = await server.post(chat, { model: 'up/m', messages: question, stream: true })
  expect(await answer.text()).toContain('"code":"provider_timeout"')
  await upstream.asked[0]?.left
})

test('a client that does not read holds its provider back instead of filling memory', async () => {
  let sent = 0
  const piece = `data: ${delta('x'.repeat(60_000))}\n\n`
  const source = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const more = () => {
      while (!response.destroyed && sent < 400_000_000) {
        sent += piece.length
        if (!response.write(piece)) return void response.once('drain', more)
      }
    }
    more()
  }).listen(0, '127.0.0.1')
  await once(source, 'listening')
  const { port } = source.address() as { port: number }
  const server = await startWithProviders({
    up: { kind: 'openai-compatible', baseUrl: `http://127.0.0.1:${port}/v1` },
  })
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  const text = JSON.stringify({ model: 'up/m', messages: question, stream: true })
  socket.write(`POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
  socket.pause()
  let before = -1
  await until('nothing more is sent', async () => {
    const same = sent === before && sent > 0
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 300))
    return same
  })
  // What sockets and the buffers between them hold; the answer would be twenty times as long.
  expect(sent).toBeLessThan(40_000_000)
  socket.destroy()
  source.closeAllConnections()
  source.close()
})

test('the provider’s id of a request is told whichever way it is answered, and ours as Anthropic’s clients look for it', async () => {
  let answer = json(whole, 200, { 'x-request-id': 'req-7' })
  const { server } = await started(() => answer)
  const message = { model: 'up/m', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] }
  const idsOf = async (path: string, body: object) => {
    const { headers } = await server.post(path, body)
    const [provider, ours, anthropics] = ['x-inferloom-provider-request-id', 'x-request-id', 'request-id'].map((name) =>
      headers.get(name),
    )
    expect(ours).toMatch(/^[0-9a-f]{32}$/)
    if (path === '/v1/messages') expect(anthropics).toBe(ours)
    return provider
  }
  expect(await idsOf(chat, message)).toBe('req-7')
  expect(await idsOf('/v1/messages', message)).toBe('req-7')
  answer = sse(stream, { 'x-request-id': 'req-8' })
  expect(await idsOf(chat, { ...message, stream: true })).toBe('req-8')
  expect(await idsOf('/v1/messages', { ...message, stream: true })).toBe('req-8')
  answer = json({ error: { message: 'no' } }, 400, { 'x-request-id': 'req-9' })
  expect(await idsOf(chat, message)).toBe('req-9')
  expect(await idsOf('/v1/messages', message)).toBe('req-9')
  expect(await idsOf('/v1/messages', {})).toBeNull()
  expect(await idsOf('/v1/messages/count_tokens', {})).toBeNull()
})

const messagesPath = '/v1/messages'
const said = { model: 'up/m', max_tokens: 9, messages: question }
const bodies: Readonly<Record<string, object>> = {
  [chat]: said,
  [messagesPath]: said,
  '/v1/embeddings': { model: 'up/m', input: 'x' },
  '/v1/audio/speech': { model: 'up/m', input: 'x', voice: 'alloy' },
}
const paths = Object.keys(bodies)

test.each(paths)('at its deadline a request to %s is ended, here and upstream', async (path) => {
  const stalled: UpstreamAnswer = { headers: { 'content-type': 'application/json' }, body: '{', ending: 'stall' }
  const { upstream, server } = await started(() => stalled)
  const answer = await server.post(path, bodies[path], { 'x-inferloom-deadline': '150' })
  expect(answer.status).toBe(504)
  expect(await answer.text()).toMatch(/up was not complete within 150 milliseconds/)
  await upstream.asked[0]?.left
  expect((await ledgerOf(server))[0]).toMatchObject({ status: 504, error: 'deadline_exceeded', provider: 'up' })
})

test.each([chat, messagesPath])('a stream from %s ends at its deadline with an error event', async (path) => {
  const { upstream, server } = await started(() => ({ ...sse([delta('a')]), ending: 'stall' }))
  const answer = await server.post(path, { ...bodies[path], stream: true }, { 'x-inferloom-deadline': '300' })
  expect(answer.status).toBe(200)
  const events = (await answer.text()).trimEnd().split('\n\n')
  expect(events.at(-1)).toMatch(/not complete within 300 milliseconds/)
  await upstream.asked[0]?.left
  expect((await ledgerOf(server))[0]).toMatchObject({ status: 504, error: 'deadline_exceeded', output_tokens: 1 })
})

test('a deadline that is kept changes nothing, and one that is none is refused on every path', async () => {
  const { server } = await started(() => json(whole))
  for (const path of [chat, messagesPath]) {
    expect((await server.post(path, bodies[path], { 'x-inferloom-deadline': '60000' })).status).toBe(200)
  }
  for (const path of paths) {
    const refused = await server.post(path, bodies[path], { 'x-inferloom-deadline': 'soon' })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('x-inferloom-deadline = soon')
  }
})

// https://platform.openai.com/docs/api-reference/responses-streaming/response/failed,
// https://platform.claude.com/docs/en/build-with-claude/streaming#error-events and https://ai.google.dev/gemini-api/docs/troubleshooting
const content = {
  openai: '{"choices":[{"index":0,"delta":{"content":"Hi"}}]}',
  responses: '{"type":"response.output_text.delta","delta":"Hi","item_id":"m","output_index":0,"content_index":0}',
  anthropic: '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
  google: '{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}',
}
const failures = [
  [
    'openai',
    chat,
    {},
    '{"error":{"message":"Slow down","type":"requests","code":"rate_limit_exceeded"}}',
    'rate_limited',
  ],
  [
    'openai',
    '/v1/responses',
    { input: 'x' },
    '{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"Broken"}}}',
    'provider_failed',
  ],
  [
    'anthropic',
    messagesPath,
    {},
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    'provider_overloaded',
  ],
  [
    'google',
    '/v1beta/models/up/m:streamGenerateContent?alt=sse',
    { contents: [{ parts: [{ text: 'x' }] }] },
    '{"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}}',
    'provider_overloaded',
  ],
] as const

test.each(failures)(
  'an error of %s in the middle of %s passes, and is in the ledger',
  async (kind, path, body, event, code) => {
    let events = [content[kind === 'openai' && path !== chat ? 'responses' : kind], event]
    const { upstream, server } = await started(() => sse(events), { kind })
    const asked = 'contents' in body ? body : { ...('input' in body ? { model: 'up/m', ...body } : said), stream: true }
    const answer = await server.post(path, asked)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe(events.map((each) => `data: ${each}\n\n`).join(''))
    const [row] = await ledgerOf(server)
    expect(row).toMatchObject({ error: code, attempts: 1 })
    expect(row?.['status']).toBeGreaterThan(400)
    // As long as there was no content, it is an error like any other, and tried again.
    events = [event]
    const before = upstream.asked.length
    expect((await server.post(path, asked)).status).toBe(row?.['status'])
    expect((await ledgerOf(server))[0]).toMatchObject({ error: code, attempts: 3 })
    expect(upstream.asked).toHaveLength(before + 3)
  },
)
