import { spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startChild } from '../children.ts'
import { clientOf, type ArmOptions, type RunningServer, type ServerArm } from './server-arm.ts'

const command = 'llama-server'
const versionText = spawnSync(command, ['--version'], { encoding: 'utf8' })

/** `version: 0.5.0 (build 1, commit abc)`, or undefined where it is not on the PATH. */
export const llamaServerVersion: string | undefined = versionText.error
  ? undefined
  : (/version: (.*)/.exec(versionText.stderr + versionText.stdout)?.[1] ?? 'unknown')

export const llamaServer: ServerArm = {
  name: command,
  ...(llamaServerVersion === undefined && { missing: `${command} is not on the PATH` }),
  start,
}

async function start({ file, threads, parallel, contextTokens, env = {} }: ArmOptions): Promise<RunningServer> {
  if (file === undefined) throw new Error(`${command} brings no model of its own`)
  const port = await freePort()
  const flags = {
    '-m': file,
    '-t': threads,
    '-tb': threads,
    '-np': parallel,
    '-c': parallel * contextTokens,
    '--host': '127.0.0.1',
    '--port': port,
  }
  const args = [...Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]), '--no-webui']
  const child = startChild(command, args, { ...process.env, ...env })
  const url = `http://127.0.0.1:${port}`
  while (!(await isHealthy(url))) {
    child.assertAlive()
    await delay(20)
  }
  const { pid, since } = child
  return { arm: command, url, client: clientOf(url), model: 'random', pid, since, stop: () => child.stop() }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
