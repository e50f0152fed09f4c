// What a real Prometheus makes of a real server; skipped where it is not on the PATH (Debian's package prometheus).
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dashboardQueries } from '../dashboard-queries.ts'
import { question, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'

const isThere = ['prometheus', 'promtool'].every((command) => !spawnSync(command, ['--version']).error)
const word = isThere ? '' : ' (skipped: prometheus and promtool are not on the PATH)'
const example = new URL('../../deploy/prometheus/prometheus.yml', import.meta.url)

interface Target {
  readonly health: string
  readonly lastError: string
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}

async function startedServer(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env)
  onTestFinished(() => server.close())
  const asked = { model: 'loom-mini', messages: question, max_tokens: 12, stream: true } as const
  await Array.fromAsync(await server.client.chat.completions.create(asked))
  return server
}

/** With the example's settings, but for the address and the pace. Returns what asks its API. */
async function startPrometheus(server: TestServer, key: string): Promise<<T>(path: string) => Promise<T>> {
  const folder = temporaryFolder()
  const config = readFileSync(example, 'utf8')
    .replace('127.0.0.1:4633', `127.0.0.1:${new URL(server.url).port}`)
    .replace('15s', '200ms')
  writeFileSync(join(folder, 'prometheus.yml'), config)
  writeFileSync(join(folder, 'inferloom.key'), `${key}\n`)
  const checked = spawnSync('promtool', ['check', 'config', join(folder, 'prometheus.yml')], { encoding: 'utf8' })
  expect(checked.status, checked.stderr).toBe(0)
  const address = `127.0.0.1:${await freePort()}`
  const flags = [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`]
  const child = spawn('prometheus', [...flags, `--web.listen-address=${address}`], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  await until('Prometheus is ready', () =>
    fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return async <T>(path: string) => (await (await fetch(`http://${address}/api/v1/${path}`)).json()) as T
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test.skipIf(!isThere)(`Prometheus’s own checker finds nothing wrong${word}`, async () => {
  const server = await startedServer()
  const text = await (await server.get('/metrics')).text()
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !expected.test(line))
  expect(said).toEqual([])
  expect([0, 3]).toContain(status) // 3: something could be named better
})

/** vLLM's names, which balancers read as they are, have a colon in them. */
const expected = /^vllm:\S+ metric names should not contain ':'$/

test.skipIf(!isThere)(
  `Prometheus reads a server by its key, and answers all that the dashboard asks${word}`,
  async () => {
    const server = await startedServer({ INFERLOOM_HOST: '0.0.0.0', INFERLOOM_KEYS: 'a-key-for-inference-only' })
    const ask = await startPrometheus(server, server.adminKey.key)
    const valueOf = async (query: string) => {
      const { data } = await ask<Answer>(`query?query=${encodeURIComponent(query)}`)
      return Number(data.result[0]?.value[1])
    }
    await until('two scrapes', async () => (await valueOf('sum(count_over_time(up[1m]) > 1)')) > 1)
    expect(await valueOf('up')).toBe(1)
    expect(await valueOf('sum(inferloom_requests_total)')).toBe(1)
    expect(await valueOf('sum(gen_ai_server_time_to_first_token_seconds_count)')).toBe(1)
    expect(await valueOf('histogram_quantile(0.5, gen_ai_server_request_duration_seconds_bucket)')).toBeGreaterThan(0)
    const { panels } = dashboardQueries()
    for (const query of panels) {
      const concrete = query.replaceAll('$__rate_interval', '1m').replaceAll(/\$(instance|model)/g, '.*')
      const answer = await ask<Answer>(`query?query=${encodeURIComponent(concrete)}`)
      expect(answer.error, query).toBeUndefined()
      // Nothing failed, so that there is no error to be counted.
      if (!query.endsWith(', error_type!=""}[$__rate_interval]))'))
        expect(answer.data.result, query).not.toHaveLength(0)
    }
  },
)

test.skipIf(!isThere)(`a key that may only infer reads no metrics${word}`, async () => {
  const key = 'a-key-for-inference-only'
  const ask = await startPrometheus(await startedServer({ INFERLOOM_HOST: '0.0.0.0', INFERLOOM_KEYS: key }), key)
  const target = async () => (await ask<{ data: { activeTargets: Target[] } }>('targets')).data.activeTargets[0]
  await until('a scrape was tried', async () => ['up', 'down'].includes((await target())?.health ?? ''))
  expect(await target()).toMatchObject({ health: 'down', lastError: expect.stringContaining('403') })
})
