// Which providers there are, what their models are called, and what is refused.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { startServer } from '../../src/server/start.ts'
import { startWithProviders } from '../provider-fixture.ts'
import { commandEnv, question, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'
import { run } from './command-fixture.ts'

const chat = '/v1/chat/completions'
const answer = {
  id: '1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
}
const list = (...ids: string[]) =>
  json({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: 7 })) })

test('models are listed as provider/model behind the local ones, and are found under either name', async () => {
  const one = await startUpstream(
    () => json(answer),
    () => list('m', 'both'),
  )
  const two = await startUpstream(
    () => json(answer),
    () => list('loom-mini', 'both', 'a/b'),
  )
  const server = await startWithProviders(
    {
      one: { kind: 'openai-compatible', baseUrl: one.url },
      two: { kind: 'openai-compatible', baseUrl: `${two.url}/`, models: ['named'] },
    },
    { INFERLOOM_BUILTIN: 'true' },
  )
  const ids = async () => (await server.client.models.list()).data.map(({ id }) => id)
  await until('both lists are read', async () => (await ids()).length === 9)
  expect(await ids()).toEqual([
    'loom-mini',
    'loom-nano',
    'loom-embed',
    'one/m',
    'one/both',
    'two/named',
    'two/loom-mini',
    'two/both',
    'two/a/b',
  ])
  expect(await server.client.models.retrieve('two/a/b')).toMatchObject({ id: 'two/a/b', created: 7 })

  const asked = async (model: string) => {
    const reply = await server.post(chat, { model, messages: question, max_tokens: 1 })
    return { status: reply.status, body: (await reply.json()) as { error?: { message: string; code: string } } }
  }
  expect((await asked('m')).status).toBe(200)
  expect(one.body()['model']).toBe('m')
  expect((await asked('a/b')).status).toBe(200)
  expect(two.body()['model']).toBe('a/b')
  expect((await asked('one/newer-than-the-list')).status).toBe(200)
  expect(one.body()['model']).toBe('newer-than-the-list')
  expect((await asked('loom-mini')).status).toBe(200)
  expect(one.asked.length + two.asked.length).toBe(3)
  expect(await asked('both')).toMatchObject({ status: 400, body: { error: { code: 'model_ambiguous' } } })
  expect((await asked('both')).body.error?.message).toContain('one/both, two/both')
  expect(await asked('gpt-9')).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } })
})

test('a key in the environment is enough, a base URL may come from there too, and false switches off', async () => {
  const upstream = await startUpstream(() => json(answer))
  const env = { OPENAI_API_KEY: 'sk-from-the-environment', OPENAI_BASE_URL: `${upstream.url}/v1` }
  const server = await startWithProviders({}, env)
  expect((await server.post(chat, { model: 'openai/gpt', messages: question })).status).toBe(200)
  expect(upstream.asked[0]?.headers.authorization).toBe('Bearer sk-from-the-environment')

  const without = await startWithProviders({ openai: false }, env)
  expect((await without.post(chat, { model: 'openai/gpt', messages: question })).status).toBe(404)
  // A variable that is there for another program, and that says too little, ends no start.
  await startWithProviders({}, { AZURE_OPENAI_API_KEY: 'a-key' })
})

test('a variable that is set for other programs makes no provider, but is the key of one that is named', async () => {
  const upstream = await startUpstream(() => json(answer))
  const env = {
    GITHUB_TOKEN: 'of-git',
    HF_TOKEN: 'of-the-hub',
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'of-the-cloud',
    AWS_REGION: 'us-east-1',
    GOOGLE_APPLICATION_CREDENTIALS: '/of-the-other-cloud.json',
  }
  const status = async (server: TestServer, provider: string) =>
    (await server.post(chat, { model: `${provider}/m`, messages: question })).status
  const unnamed = await startWithProviders({}, env)
  for (const kind of ['github', 'huggingface', 'amazon-bedrock', 'vertex'])
    expect(await status(unnamed, kind)).toBe(404)

  const baseUrl = upstream.url
  const named = await startWithProviders({ github: { baseUrl }, hub: { kind: 'huggingface', baseUrl } }, env)
  expect(await status(named, 'github')).toBe(200)
  expect(await status(named, 'hub')).toBe(200)
  expect(upstream.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer of-git', 'Bearer of-the-hub'])
})

test('a provider that is configured wrongly is refused at the start, by name and without its key', async () => {
  for (const [provider, expected] of [
    [{ kind: 'no-such', key: 'sk-secret' }, /providers\.mine\.kind.*no-such.*openai-compatible/],
    [{ kind: 'openai-compatible', key: 'sk-secret' }, /providers\.mine\.baseUrl/],
  ] as const) {
    const loaded = await loadConfig({ env: { INFERLOOM_HOME: temporaryFolder(), INFERLOOM_PORT: '0' } })
    const config = { ...loaded.config, providers: { mine: provider } } as typeof loaded.config
    const starting = startServer({ ...loaded, config })
    await expect(starting).rejects.toThrow(expected)
    await expect(starting).rejects.not.toThrow(/sk-secret/)
  }
})

test('an embedding is translated, under the provider’s own name for the model', async () => {
  const upstream = await startUpstream(() =>
    json({
      object: 'list',
      data: [{ index: 0, embedding: [1, 0] }],
      model: 'e',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    }),
  )
  const server = await startWithProviders({ up: { kind: 'openai-compatible', baseUrl: upstream.url } })
  const { data, model } = await server.client.embeddings.create({ model: 'up/e', input: 'x', encoding_format: 'float' })
  expect({ data, model }).toMatchObject({ data: [{ embedding: [1, 0] }], model: 'up/e' })
  expect(upstream.body()).toMatchObject({ model: 'e' })
})

test('several models at several providers answer at once, each under its own name', async () => {
  const upstreams = await Promise.all(
    [0, 1, 2].map((each) =>
      startUpstream(async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const chunk = { id: '1', choices: [{ index: 0, delta: { content: `from ${each}` }, finish_reason: 'stop' }] }
        return sse([JSON.stringify(chunk), '[DONE]'])
      }),
    ),
  )
  const server = await startWithProviders(
    Object.fromEntries(upstreams.map(({ url }, each) => [`p${each}`, { kind: 'openai-compatible', baseUrl: url }])),
  )
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const body = { model: `p${at % 3}/m${at}`, messages: question, stream: true }
      return await (await server.post(chat, body)).text()
    }),
  )
  for (const [at, text] of answers.entries()) expect(text).toContain(`from ${at % 3}`)
  for (const [each, { asked }] of upstreams.entries()) {
    const models = asked.map(({ body }) => (JSON.parse(body) as { model: string }).model)
    expect(models.every((model) => Number(model.slice(1)) % 3 === each)).toBe(true)
  }
})

test('what can only be passed on is refused by name where its provider does not take it', async () => {
  const upstream = await startUpstream(() => json({}))
  const server = await startWithProviders({ up: { kind: 'deepseek', baseUrl: upstream.url, key: 'k' } })
  for (const path of ['/v1/moderations', '/v1/images/generations', '/v1/audio/speech', '/v1/audio/transcriptions']) {
    const refused = await server.post(path, { model: 'up/m', input: 'x' })
    expect(refused.status).toBe(400)
    const { error } = (await refused.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('unsupported_parameter')
    expect(error.message).toMatch(new RegExp(`'up/m' cannot .*: up does not take ${path}`))
    expect(await (await server.post(path, { input: 'x' })).json()).toMatchObject({
      error: { code: 'missing_parameter' },
    })
  }
  expect(upstream.asked).toEqual([])
})

const serverKey = 'a-key-of-sixteen-characters'

test('keys come as OpenAI’s, Anthropic’s or Google’s clients send them, and never in the address', async () => {
  const server = await startTestServer({ INFERLOOM_KEYS: serverKey, INFERLOOM_BUILTIN: 'false' })
  const status = async (headers: Record<string, string>, query = '') =>
    (await server.get(`/v1/models${query}`, headers)).status
  expect(await status({ authorization: `Bearer ${serverKey}` })).toBe(200)
  expect(await status({ 'x-api-key': serverKey })).toBe(200)
  expect(await status({ 'x-goog-api-key': serverKey })).toBe(200)
  expect(await status({ 'x-api-key': `${serverKey}x` })).toBe(401)
  expect(await status({ authorization: `Basic ${serverKey}` })).toBe(401)
  expect(await status({ authorization: `Bearer ${serverKey}` }, '?limit=1')).toBe(200)
  const inAddress = await server.get(`/v1/models?key=${serverKey}`)
  expect(inAddress.status).toBe(401)
  const text = await inAddress.text()
  expect(text).toMatch(/addresses are logged/)
  expect(text).not.toContain(serverKey)
  await server.close()
})

test('providers are told of with all but their keys, by the server and by doctor', async () => {
  const upstream = await startUpstream(
    () => json(answer),
    () => list('m', 'n'),
  )
  const refusing = await startUpstream(
    () => json(answer),
    () => json({ error: { message: 'Who are you?' } }, 401),
  )
  const providers = {
    one: { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, keys: ['sk-first-secret', 'sk-second-secret'] },
    groq: { baseUrl: refusing.url, key: 'gsk-third-secret' },
    bare: { kind: 'vllm', baseUrl: 'http://user:password-secret@127.0.0.1:9/v1?token=secret' },
  }
  const host = (url: string) => new URL(url).host
  const server = await startWithProviders(providers)
  interface Report {
    readonly list_read_at: number | null
    readonly failure: object | null
  }
  const told = async () => (await (await server.get('/admin/providers')).json()) as { data: Report[] }
  await until('every list was tried', async () =>
    (await told()).data.every((each) => each.list_read_at ?? each.failure),
  )
  const expected = [
    { name: 'one', kind: 'openai-compatible', host: host(upstream.url), keys: 2, models: 2, failure: null },
    {
      name: 'groq',
      kind: 'groq',
      host: host(refusing.url),
      keys: 1,
      models: 0,
      failure: { code: 'provider_key_refused' },
    },
    { name: 'bare', kind: 'vllm', host: '127.0.0.1:9', keys: 0, models: 0, failure: { code: 'provider_unreachable' } },
  ]
  expect(await told()).toMatchObject({ data: expected })
  expect(JSON.stringify(await told())).not.toContain('secret')

  const folder = temporaryFolder()
  writeFileSync(join(folder, 'inferloom.yaml'), JSON.stringify({ providers }))
  for (const port of ['1', new URL(server.url).port]) {
    const env = { ...commandEnv(server), INFERLOOM_PORT: port }
    const { stdout } = await run(['doctor'], { folder, env })
    expect(stdout).toMatch(
      /^providers +one \(openai-compatible, 127\.0\.0\.1:\d+, 2 keys, 2 models, listed at [\d:]+\)$/m,
    )
    expect(stdout).toMatch(/^ +groq \(127\.0\.0\.1:\d+, 1 key, 0 models\): .* \[provider_key_refused\]$/m)
    expect(stdout).not.toContain('secret')
    expect(JSON.parse((await run(['doctor', '--json'], { folder, env })).stdout)).toMatchObject({ providers: expected })
  }
  const listed = await run(['models'], { folder, env: commandEnv(server) })
  expect(listed.stdout).toMatch(/^one\/m .* served .*\n^one\/n /m)
})
