// A real server on a free port with a home of its own, ended after the test file.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { onTestFinished } from 'vitest'
import { loadConfig } from '../src/config/load.ts'
import { startServer, type RunningServer } from '../src/server/start.ts'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Two test files run at a time; compute threads that have to share a core wait for each other. */
const oneThread = { INFERLOOM_THREADS: '1' }

export interface TestServer extends RunningServer {
  readonly client: OpenAI
  get(path: string, headers?: Record<string, string>): Promise<Response>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
}

/** Starts a server with settings as the environment gives them, such as `{ INFERLOOM_PARALLEL: '2' }`, or a file. */
export async function startTestServer(env: Record<string, string> = {}, file?: string): Promise<TestServer> {
  const home = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
  const sources = {
    env: {
      INFERLOOM_HOME: home,
      INFERLOOM_PORT: '0',
      INFERLOOM_LOG: 'silent',
      INFERLOOM_PRICES_UPDATE: 'false',
      // Lists of models are compared; test/e2e/routes.test.ts has them on.
      INFERLOOM_ROUTING_BUILTIN: 'false',
      ...oneThread,
      ...env,
    },
    ...(file !== undefined && { file }),
  }
  const loaded = await loadConfig(sources)
  const server = await startServer(loaded, () => loadConfig(sources))
  await server.ready()
  const key = loaded.config.server.keys[0]
  return {
    ...server,
    client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key ?? 'none', maxRetries: 0 }),
    get: (path, headers = {}) => fetch(server.url + path, { headers: { ...forAdmin(server, path), ...headers } }),
    post: (path, body, headers = {}) =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...forAdmin(server, path), ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      }),
    close: async () => {
      await server.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** With it commands find a server whose home is not theirs. */
export function commandEnv({ url, adminKey }: RunningServer): Record<string, string> {
  return { INFERLOOM_PORT: new URL(url).port, INFERLOOM_ADMIN_KEY: adminKey.key }
}

/** The admin API always asks for its key. */
function forAdmin({ adminKey }: RunningServer, path: string): Record<string, string> {
  return path.startsWith('/admin') ? { authorization: `Bearer ${adminKey.key}` } : {}
}

export const question = [{ role: 'user' as const, content: 'What is inference?' }]

interface EmbeddingCounts {
  readonly evaluations: number
  readonly inputs: number
  readonly waiting: number
}

interface EngineRow {
  readonly pid: number
  readonly state: string
  readonly restarts: number
  readonly outstanding: number
  readonly stats: {
    running: number
    waiting: number
    freeSlots: number
    steps: number
    cellsReserved: number
    embeddings: EmbeddingCounts
  }
}

/** The first engine with its counters. One that is evaluating for long does not tell them in time: it is asked again. */
export async function engineOf(server: TestServer): Promise<EngineRow> {
  for (let attempt = 1; ; attempt++) {
    const { data } = (await (await server.get('/admin/engine')).json()) as { data: Partial<EngineRow>[] }
    const [engine] = data
    if (!engine) throw new Error('the server has no engine')
    if (engine.stats || engine.state !== 'ready' || attempt === 5) return engine as EngineRow
  }
}

/** Asks again until it is so; fails after ten seconds. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so after ten seconds: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
