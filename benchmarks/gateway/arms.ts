import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChild, type Child } from '../children.ts'
import { heapFlags } from '../../src/cli/heap-flags.ts'
import type { KeyLimits } from '../../src/gateway/limits/key-limits.ts'

/** A gateway in front of the upstream, running. */
export interface Gateway {
  readonly arm: string
  readonly url: string
  /** What tells it where to send a request, beside the model's name. */
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
  readonly pid: number
  stop(): Promise<void>
}

export interface GatewayArm {
  readonly name: string
  /** Returns why it cannot run here, if so. */
  prepare?(): string | undefined
  start(upstream: string): Promise<Gateway>
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export async function startUpstream(): Promise<{ url: string; child: Child }> {
  const child = startChild(process.execPath, [script('upstream-process.ts')], process.env)
  const [, url = ''] = await child.firstMatch(/listens on (http:\S+)/)
  return { url, child }
}

export const bareProxy: GatewayArm = {
  name: 'bare Node proxy',
  async start(upstream) {
    const child = startChild(process.execPath, [script('bare-proxy-process.ts'), upstream], process.env)
    const [, url = ''] = await child.firstMatch(/listens on (http:\S+)/)
    return { arm: 'bare Node proxy', url, headers: {}, model: 'mock/mock-1', pid: child.pid, stop: () => child.stop() }
  },
}

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** The compiled command line as users start it, with its ledger and one provider. */
export const inferloom = inferloomArm({ name: 'inferloom' })

/** The same with settings of its own, and with a key that has limits, where they are given. */
export function inferloomArm({ name, settings = {}, limits }: InferloomArm): GatewayArm {
  return {
    name,
    async start(upstream) {
      const home = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
      const removeHome = () => rmSync(home, { recursive: true, force: true })
      process.once('exit', removeHome)
      const config = join(home, 'inferloom.yaml')
      const provider = { kind: 'openai-compatible', baseUrl: `${upstream}/v1`, key: 'key' }
      // Every JSON is YAML.
      writeFileSync(config, JSON.stringify({ builtin: false, providers: { mock: provider }, ...settings }))
      const child = startChild(process.execPath, [...heapFlags, main, 'serve', '--config', config], {
        ...process.env,
        INFERLOOM_HOME: home,
        INFERLOOM_PORT: '0',
      })
      const [, url = ''] = await child.firstMatch(/listens on (http:\S+)/)
      return {
        arm: name,
        url,
        headers: limits ? { authorization: `Bearer ${await newKey({ url, home, limits })}` } : {},
        model: 'mock/mock-1',
        pid: child.pid,
        async stop() {
          await child.stop()
          removeHome()
          process.off('exit', removeHome)
        },
      }
    },
  }
}

interface InferloomArm {
  readonly name: string
  readonly settings?: object
  readonly limits?: KeyLimits
}

async function newKey({ url, home, limits }: { url: string; home: string; limits: KeyLimits }): Promise<string> {
  const admin = readFileSync(join(home, 'admin-key'), 'utf8').trim()
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin}` }
  const body = JSON.stringify({ name: 'benchmark', limits })
  const answer = await fetch(`${url}/admin/keys`, { method: 'POST', headers, body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`no key could be made: ${text}`)
  return (JSON.parse(text) as { readonly key: string }).key
}

const portkeyVersion = '1.15.2'
const portkeyFolder = join(homedir(), '.cache', 'inferloom-benchmarks', `portkey-${portkeyVersion}`)
const portkeyMain = join(portkeyFolder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js')

/** https://github.com/Portkey-AI/gateway, another gateway on Node, installed when it is asked for. */
export const portkey: GatewayArm = {
  name: `Portkey ${portkeyVersion}`,
  prepare() {
    if (existsSync(portkeyMain)) return undefined
    try {
      mkdirSync(portkeyFolder, { recursive: true })
      const install = ['install', '--prefix', portkeyFolder, '--no-audit', '--no-fund', '--loglevel=error']
      execFileSync('npm', [...install, `@portkey-ai/gateway@${portkeyVersion}`], { stdio: ['ignore', 2, 2] })
      return existsSync(portkeyMain) ? undefined : 'its package holds no server'
    } catch (error) {
      return `it could not be installed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`
    }
  },
  async start(upstream) {
    const port = await freePort()
    const child = startChild(process.execPath, [portkeyMain, `--port=${port}`, '--headless'], process.env)
    const url = `http://127.0.0.1:${port}`
    while (!(await fetch(url).then(Boolean, () => false))) {
      child.assertAlive()
      await delay(50)
    }
    const headers = {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${upstream}/v1`,
      authorization: 'Bearer key',
    }
    return { arm: portkey.name, url, headers, model: 'mock-1', pid: child.pid, stop: () => child.stop() }
  },
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Megabytes that a process holds; Linux only. */
export function residentMB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}

/** Milliseconds of processor time that a process has used, all its threads together; Linux only. */
export function cpuMs(pid: number): number {
  // Behind the name, which may hold spaces, user and system time are the 12th and 13th fields, in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Milliseconds that the thread with the event loop ran, and all others that there are together; Linux only. */
export function threadsMs(pid: number): { readonly loop: number; readonly others: number } {
  let [loop, others] = [0, 0]
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    // In nanoseconds: https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    const ran = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
    if (Number(thread) === pid) loop += ran
    else others += ran
  }
  return { loop, others }
}
