// A start that fails ends with code 1 and one line that names what is wrong, and leaves nothing running.
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../server-fixture.ts'
import { builtinModel, output, processesIn, run, start, type CommandOptions } from './command-fixture.ts'

const secret = 'sk-never-to-be-seen-0123456789'

/** Runs `serve`, which must fail; returns its one line. */
async function complaint(args: readonly string[], options: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await run(['serve', ...args], options)
  expect(stderr.trimEnd().split('\n'), stderr).toHaveLength(1)
  expect(stderr).toMatch(/^inferloom: .+ \[[a-z_]+\]\n$/)
  expect(stderr).not.toMatch(/\n\s+at |node:internal/)
  expect(stdout).toBe('')
  expect(code).toBe(1)
  expect(processesIn(options.folder)).toEqual([])
  return stderr
}

/** A folder with an `inferloom.yaml`. */
function folderWith(yaml: string): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'inferloom.yaml'), yaml)
  return folder
}

describe('a model file', () => {
  const whole = readFileSync(builtinModel)
  const architecture = whole.indexOf('llama', whole.indexOf('general.architecture'))
  const other = Buffer.from(whole)
  other.write('lloma', architecture)

  test.each([
    ['that is not there', undefined, 'model_file_missing'],
    ['that is not GGUF', Buffer.from('not a model at all'), 'model_file_invalid'],
    ['that is empty', Buffer.alloc(0), 'model_file_invalid'],
    ['cut off in its header', whole.subarray(0, 2000), 'model_file_invalid'],
    ['cut off in its first numbers', whole.subarray(0, 12), 'model_file_invalid'],
    ['cut off in its tensors', whole.subarray(0, whole.length / 2), 'model_file_invalid'],
    ['of an unknown architecture', other, 'model_unsupported'],
  ])('%s', async (_, bytes, code) => {
    const folder = folderWith('models:\n  mine:\n    file: weights/mine.gguf\n')
    const file = join(folder, 'weights', 'mine.gguf')
    mkdirSync(join(folder, 'weights'))
    if (bytes) writeFileSync(file, bytes)
    const line = await complaint([], { folder })
    expect(line).toContain(file)
    expect(line).toContain(`[${code}]`)
    if (code === 'model_unsupported') expect(line).toContain("'lloma'")
  })

  test('that is a folder', async () => {
    const folder = folderWith('models:\n  mine:\n    file: .\n')
    expect(await complaint([], { folder })).toContain(folder)
  })
})

test('a port that is in use is named, with the way to choose another', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const port = String((taken.address() as AddressInfo).port)
  const line = await complaint(['--port', port], { folder: temporaryFolder() })
  expect(line).toContain(port)
  expect(line).toMatch(/--port.*\[port_in_use\]/)
})

describe('a home that cannot be written is named', () => {
  test.each(['/home', ''])('<file>%s', async (below) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const home = join(folder, 'file') + below
    const line = await complaint([], { folder, env: { INFERLOOM_HOME: home } })
    expect(line).toContain(home)
    expect(line).toMatch(/INFERLOOM_HOME.*\[home_not_writable\]/)
  })

  test.runIf(process.platform === 'linux')('a path in /proc', async () => {
    const line = await complaint([], { folder: temporaryFolder(), env: { INFERLOOM_HOME: '/proc/inferloom/home' } })
    expect(line).toMatch(/\/proc\/inferloom.*\[home_not_writable\]/)
  })
})

describe('settings (src/config/load.test.ts has more)', () => {
  test.each([
    ['broken syntax', `server:\n  keys: [${secret}\n  port: 1\n`, /line 3/],
    ['an unknown key', `server:\n  keys: [${secret}]\n  prot: 1\n`, /server: .*"prot"/],
    ['a wrong type', `server:\n  keys: ${secret}\n`, /server\.keys: .*array/],
  ])('in the file: %s', async (_, yaml, expected) => {
    const folder = folderWith(yaml)
    const line = await complaint([], { folder })
    expect(line).toContain(join(folder, 'inferloom.yaml'))
    expect(line).toMatch(expected)
    expect(line).toContain('[config_invalid]')
    expect(line).not.toContain(secret)
  })

  test.each([
    [['--port', 'http'], /--port: server\.port: .*number/],
    [['--host', '0.0.0.0'], /server\.keys.*\[bind_refused\]/],
  ])('from flags: %j', async (args, expected) => {
    expect(await complaint(args, { folder: temporaryFolder() })).toMatch(expected)
  })

  test('flags override the environment, which overrides the file; a model’s path starts at the file', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'settings'))
    copyFileSync(builtinModel, join(folder, 'settings', 'mine.gguf'))
    const yaml = 'builtin: false\nserver: { port: 1, host: localhost }\nengine: { parallel: 3, queue: 4 }\n'
    writeFileSync(join(folder, 'settings', 'mine.yaml'), `${yaml}models: { mine: { file: mine.gguf } }\n`)
    const env = { INFERLOOM_PORT: '2', INFERLOOM_QUEUE: '5', INFERLOOM_PARALLEL: '2' }
    const child = start(['serve', '-c', 'settings/mine.yaml', '--port', '0', '--parallel', '1'], { folder, env })
    const shown = output(child)
    await Promise.race([
      (async () => {
        while (!shown().includes('Ctrl-C stops')) await new Promise((resolve) => setTimeout(resolve, 20))
      })(),
      once(child, 'exit'),
    ])
    const url = /listens on (\S+)/.exec(shown())?.[1] ?? ''
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'mine' }] })
    const key = readFileSync(join(folder, 'home', 'admin-key'), 'utf8').trim()
    const headers = { authorization: `Bearer ${key}` }
    const { data } = (await (await fetch(`${url}/admin/engine`, { headers })).json()) as {
      data: { stats: { freeSlots: number } }[]
    }
    expect(data[0]?.stats.freeSlots).toBe(1)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(processesIn(folder)).toEqual([])
  })
})

test('a server that is killed takes its engine with it', async () => {
  const folder = temporaryFolder()
  const child = start(['serve'], { folder })
  await once(child.stdout, 'data')
  if (process.platform === 'linux') expect(processesIn(folder)).toHaveLength(2)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const deadline = performance.now() + 10_000
  while (processesIn(folder).length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(processesIn(folder)).toEqual([])
})
