import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { heapFlags } from '../../src/cli/heap-flags.ts'
import { startChild } from '../children.ts'
import { clientOf, type ArmOptions, type RunningServer, type ServerArm } from './server-arm.ts'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export const inferloom: ServerArm = { name: 'inferloom', start }

/** The compiled command line as users start it, with a home of its own that is deleted afterwards. */
async function start({ file, threads, parallel, contextTokens, env = {} }: ArmOptions): Promise<RunningServer> {
  const home = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
  const removeHome = () => rmSync(home, { recursive: true, force: true })
  process.once('exit', removeHome)
  const config = {
    engine: { threads, parallel },
    ...(file !== undefined && { builtin: false, models: { random: { file, context: contextTokens } } }),
  }
  const configFile = join(home, 'inferloom.yaml')
  writeFileSync(configFile, JSON.stringify(config)) // every JSON is YAML
  // The flag that `npm start` and the installed command give Node.
  const args = [...heapFlags, main, 'serve', '--config', configFile]
  const child = startChild(process.execPath, args, {
    ...process.env,
    INFERLOOM_HOME: home,
    INFERLOOM_PORT: '0',
    ...env,
  })
  const [, url = ''] = await child.firstMatch(/listens on (http:\S+)/)
  return {
    arm: inferloom.name,
    url,
    client: clientOf(url),
    model: file === undefined ? 'loom-mini' : 'random',
    pid: child.pid,
    since: child.since,
    adminHeaders: { authorization: `Bearer ${readFileSync(join(home, 'admin-key'), 'utf8').trim()}` },
    async stop() {
      await child.stop()
      removeHome()
      process.off('exit', removeHome)
    },
  }
}

interface EngineStats {
  readonly steps: number
  readonly freeSlots: number
  readonly outputTokens: number
  readonly overheadCpuMs: number
}

/** What the engine of the server's model counted so far. */
export async function engineStats(server: RunningServer): Promise<EngineStats> {
  const response = await fetch(`${server.url}/admin/engine`, { headers: server.adminHeaders ?? {} })
  const { data } = (await response.json()) as { data: { model: string; stats?: EngineStats }[] }
  const stats = data.find(({ model }) => model === server.model)?.stats
  if (!stats) throw new Error(`/admin/engine tells nothing of ${server.model}: ${JSON.stringify(data)}`)
  return stats
}
