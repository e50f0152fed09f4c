import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startChild } from '../children.ts'
import { clientOf, type ArmOptions, type RunningServer, type ServerArm } from './server-arm.ts'

const command = 'ollama'

/** The words around a message, as the random model's own template has them: it reads none from a file of weights. */
const template = `{{ range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
`

/** Its compatible API knows no `logit_bias`, so that a few of its answers may end before the others' do. */
export const ollama: ServerArm = {
  name: command,
  ...(spawnSync(command, ['--version']).error && { missing: `${command} is not on the PATH` }),
  start,
}

/** With models in a folder of its own: https://docs.ollama.com/import and https://docs.ollama.com/faq */
async function start({ file, threads, parallel, contextTokens, env = {} }: ArmOptions): Promise<RunningServer> {
  if (file === undefined) throw new Error(`${command} brings no model of its own`)
  const folder = mkdtempSync(join(tmpdir(), 'inferloom-benchmark-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const address = `127.0.0.1:${await freePort()}`
  const settings = {
    ...process.env,
    OLLAMA_HOST: address,
    OLLAMA_MODELS: join(folder, 'models'),
    OLLAMA_NUM_PARALLEL: String(parallel),
    OLLAMA_CONTEXT_LENGTH: String(contextTokens),
    ...env,
  }
  const child = startChild(command, ['serve'], settings)
  const url = `http://${address}`
  while (!(await fetch(url).then(Boolean, () => false))) {
    child.assertAlive()
    await delay(20)
  }
  const modelfile = join(folder, 'Modelfile')
  const lines = [
    `FROM ${file}`,
    `TEMPLATE """${template}"""`,
    `PARAMETER num_thread ${threads}`,
    `PARAMETER num_ctx ${contextTokens}`,
  ]
  writeFileSync(modelfile, `${lines.join('\n')}\n`)
  const made = spawnSync(command, ['create', 'random', '-f', modelfile], { env: settings, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`${command} could not take the model: ${made.stderr.slice(-500)}`)
  const { pid, since } = child
  const stop = async () => {
    await child.stop()
    remove()
    process.off('exit', remove)
  }
  return { arm: command, url, client: clientOf(url), model: 'random', pid, since, mayEndEarly: true, stop }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
