// Gateways that are measured where they are installed, and left out with a word where they are not.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startChild } from '../children.ts'
import { freePort, type Gateway, type GatewayArm } from './arms.ts'

interface Peer {
  readonly name: string
  readonly command: string
  /** How somebody gets it. */
  readonly install: string
  /** Says that it listens, with any answer. */
  readonly health: string
  readonly model: string
  /** Its files, by their names, with what stands in them. */
  readonly files: (upstream: string) => Readonly<Record<string, object>>
  readonly args: (folder: string, port: number) => readonly string[]
}

/** https://docs.litellm.ai/docs/proxy/configs: one worker, as it starts by itself. */
export const litellm = armOf({
  name: 'LiteLLM',
  command: 'litellm',
  install: "pip install 'litellm[proxy]'",
  health: '/health/liveliness',
  model: 'mock-1',
  files: (upstream) => ({
    'config.yaml': {
      model_list: [
        {
          model_name: 'mock-1',
          litellm_params: { model: 'openai/mock-1', api_base: `${upstream}/v1`, api_key: 'key' },
        },
      ],
      // It would not start without a key of its own; inferloom asks for none here either.
      general_settings: { dangerously_permit_weak_or_unset_master_key: true },
    },
  }),
  args: (folder, port) => ['--config', join(folder, 'config.yaml'), '--host', '127.0.0.1', '--port', String(port)],
})

/** https://docs.getbifrost.ai/deployment-guides/config-json: without its database, from a file alone. */
export const bifrost = armOf({
  name: 'Bifrost',
  command: 'bifrost-http',
  install: 'go install github.com/maximhq/bifrost/transports/bifrost-http@latest',
  health: '/health',
  model: 'openai/mock-1',
  files: (upstream) => ({
    'config.json': {
      client: { drop_excess_requests: false, enable_logging: false },
      providers: {
        openai: {
          keys: [{ name: 'key', value: 'key', models: ['*'], weight: 1 }],
          network_config: { base_url: upstream },
        },
      },
      config_store: { enabled: false },
    },
  }),
  args: (folder, port) => ['-app-dir', folder, '-host', '127.0.0.1', '-port', String(port), '-log-level', 'error'],
})

/** Longer than any of them takes to start. */
const startMs = 60_000

function armOf({ name, command, install, health, model, files, args }: Peer): GatewayArm {
  return {
    name,
    prepare() {
      return spawnSync(command, ['--help'], { stdio: 'ignore', timeout: startMs }).error
        ? `${command} is not on the PATH (${install})`
        : undefined
    },
    async start(upstream): Promise<Gateway> {
      const folder = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
      const remove = () => rmSync(folder, { recursive: true, force: true })
      process.once('exit', remove)
      // Every JSON is YAML.
      for (const [file, text] of Object.entries(files(upstream)))
        writeFileSync(join(folder, file), JSON.stringify(text))
      const port = await freePort()
      const child = startChild(command, args(folder, port), process.env)
      const url = `http://127.0.0.1:${port}`
      const deadline = performance.now() + startMs
      while (!(await fetch(url + health).then(Boolean, () => false))) {
        child.assertAlive()
        if (performance.now() > deadline) throw new Error(`${name} does not listen after ${startMs / 1000} s`)
        await delay(50)
      }
      const stop = async () => {
        await child.stop()
        remove()
        process.off('exit', remove)
      }
      return { arm: name, url, headers: { authorization: 'Bearer key' }, model, pid: child.pid, stop }
    },
  }
}
