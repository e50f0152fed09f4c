import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { RespStore } from '../fixtures/resp-store.ts'
import { openWithProviders, startWithProviders } from '../provider-fixture.ts'
import { question, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'

const chat = '/v1/chat/completions'
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
const whole = json({
  id: 'c',
  object: 'chat.completion',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße' }, finish_reason: 'stop' }],
  usage,
})
const streamed = sse([
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'Grüße' }, finish_reason: null }] }),
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }),
  '[DONE]',
])

const server = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0)

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  taken.close()
  return port
}

/** A real one, of this machine, with nothing on its disk. */
async function startRealStore(): Promise<string> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', temporaryFolder()]
  const running = spawn(server ?? '', [...args, '--requirepass', 'p@ss/wörd'], { stdio: 'ignore' })
  onTestFinished(() => void running.kill('SIGKILL'))
  await until('the store listens', async () => {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isOpen
  })
  return `redis://:\${STORE_PASSWORD}@127.0.0.1:${port}/3`
}

async function startPlayedStore(): Promise<RespStore> {
  const store = await new RespStore('p@ss/wörd').open()
  onTestFinished(() => store.close())
  return store
}

async function started(redis: string, cache: object = {}, env: Record<string, string> = {}) {
  const upstream = await startUpstream(({ body }) => (body.includes('"stream":true') ? streamed : whole))
  const up = { kind: 'openai-compatible', baseUrl: `${upstream.url}/v1`, key: 'k'.repeat(20) }
  const settings = { cache: { redis, ...cache } }
  const open = () => startWithProviders({ up }, { STORE_PASSWORD: 'p@ss/wörd', ...env }, settings)
  return { upstream, up, settings, open }
}

const ask = async (server: TestServer, more: object = {}) => {
  const answer = await server.post(chat, { model: 'up/m', messages: question, temperature: 0, ...more })
  return { outcome: answer.headers.get('x-inferloom-cache'), text: await answer.text() }
}

interface StoreReport {
  readonly state: string
  readonly trouble?: string
  readonly lookups: Record<string, number>
  readonly writes: Record<string, number>
  readonly waiting: number
}
const reportOf = async (server: TestServer) =>
  ((await (await server.get('/admin/levers')).json()) as { cacheStore: StoreReport }).cacheStore
const ready = (server: TestServer) =>
  until('the store is connected to', async () => (await reportOf(server)).state === 'ready')

async function shareAnswers(redis: string): Promise<void> {
  const { upstream, open } = await started(redis)
  const [one, other] = [await open(), await open()]
  await ready(one)
  await ready(other)
  for (const more of [{}, { stream: true, stream_options: { include_usage: true } }]) {
    const first = await ask(one, more)
    expect(first.outcome).toBe('miss')
    await until('it is written', async () => (await reportOf(one)).waiting === 0)
    const second = await ask(other, more)
    expect(second.outcome).toBe('hit')
    expect(second.text).toContain('Grüße')
    expect(second.text).toContain('"cost":0,"cached":true')
    expect((await ask(other, more)).outcome).toBe('hit')
  }
  expect(upstream.asked).toHaveLength(2)
  expect(await reportOf(other)).toMatchObject({ lookups: { hit: 2, failed: 0 } })
  const metrics = await (await other.get('/metrics')).text()
  expect(metrics).toContain('inferloom_cache_store_up 1')
  expect(metrics).toContain('inferloom_cache_store_lookups_total{outcome="hit"} 2')
}

test.skipIf(!server)(`two processes share answers in ${server ?? 'a real store, of which this machine has none'}`, () =>
  startRealStore().then(shareAnswers),
)

test('two processes share answers; names say nothing, entries end by themselves', async () => {
  const store = await startPlayedStore()
  await shareAnswers(`${store.url}/3`)
  expect(store.asked).toContainEqual(['SELECT', '3'])
  const written = store.asked.filter(([name]) => name === 'SET')
  expect(written).toHaveLength(2)
  for (const [, key, , option, ttl] of written) {
    expect(key).toMatch(/^inferloom:1:answer:[\w-]{43}$/)
    expect([option, ttl]).toEqual(['PX', '3600000'])
  }
})

test('one that stalls, cuts its answers, is full or is gone takes nothing from requests but 50 ms, and is used again', async () => {
  const store = await startPlayedStore()
  const { open } = await started(store.url, { memoryMB: 0 })
  const server = await open()
  await ready(server)
  await ask(server)
  await until('it is written', async () => (await reportOf(server)).waiting === 0)
  expect((await ask(server)).outcome).toBe('hit')
  let seed = 0
  for (const mood of ['stall', 'cut', 'loading', 'full', 'gone'] as const) {
    if (mood === 'gone') store.close()
    else store.mood = mood
    for (let request = 0; request < 20; request++) {
      const { outcome, text } = await ask(server, { seed: seed++ })
      expect(`${outcome} ${text.includes('Grüße')}`, mood).toBe('miss true')
    }
    if (mood === 'gone') await store.open()
    store.mood = 'answer'
    store.entries.clear()
    const { hit } = (await reportOf(server)).lookups
    await until(`it is used again after ${mood}`, async () => {
      await ask(server)
      return (await reportOf(server)).lookups['hit'] !== hit
    })
  }
  const { lookups } = await reportOf(server)
  expect(lookups['late']).toBeLessThan(10)
})

test('a server starts without its store, says why, and nowhere its password', async () => {
  const store = await startPlayedStore()
  const { open } = await started(store.url, {}, {})
  store.close()
  const server = await open()
  expect((await ask(server)).outcome).toBe('miss')
  await until('it says why', async () => (await reportOf(server)).trouble !== undefined)
  const told = JSON.stringify(await (await server.get('/admin/levers')).json())
  expect(told).toContain('ECONNREFUSED')
  expect(told).not.toContain('p%40ss')
  expect(await (await server.get('/metrics')).text()).toContain('inferloom_cache_store_up 0')
})

test('a password that is refused is a store that is down', async () => {
  const store = await startPlayedStore()
  const { open } = await started(store.url.replace('p%40ss', 'wr0ngpass'))
  const server = await open()
  expect((await ask(server)).outcome).toBe('miss')
  await until('it says why', async () => /NOAUTH/.test((await reportOf(server)).trouble ?? ''))
})

test.each([
  ['http://127.0.0.1:6379', 'must be an address'],
  ['redis://:s3cret-%zz@127.0.0.1', 'must be an address'],
  ['redis://127.0.0.1/zero', 'must be an address'],
  ['redis://:${NOT_SET}@127.0.0.1', 'NOT_SET is not set'],
])('an address that is none is refused, without being repeated: %s', async (redis, complaint) => {
  const { up } = await started('redis://127.0.0.1')
  const failed = await openWithProviders({ up }, {}, { cache: { redis } }).then(
    () => 'started',
    (error: Error) => error.message,
  )
  expect(failed).toContain('cache.redis')
  expect(failed).toContain(complaint)
  expect(failed).not.toContain('s3cret')
})

test('answers are kept in one place beside memory', async () => {
  const { up } = await started('redis://127.0.0.1')
  const both = openWithProviders({ up }, {}, { cache: { redis: 'redis://127.0.0.1', diskMB: 1 } })
  await expect(both).rejects.toThrow('set either redis or diskMB')
})
