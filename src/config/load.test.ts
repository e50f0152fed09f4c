import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { InferloomError } from '../canonical/errors.ts'
import { loadConfig } from './load.ts'

const all = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
afterAll(() => rmSync(all, { recursive: true, force: true }))
let home = ''
let count = 0
beforeEach(() => mkdirSync((home = join(all, String(count++)))))

/** Loads with `yaml` as the file in the home folder. */
function load(yaml: string, env: Record<string, string> = {}, flags: Record<string, string> = {}) {
  writeFileSync(join(home, 'inferloom.yaml'), yaml)
  return loadConfig({ env: { INFERLOOM_HOME: home, ...env }, flags })
}

async function refusal(loading: Promise<unknown>): Promise<string> {
  const error: unknown = await loading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof InferloomError)) throw new Error(`not refused: ${String(error)}`)
  expect(error.code).toBe('config_invalid')
  // A cause is printed with the error by those who print errors whole.
  return `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`
}

const secret = 'sk-never-to-be-seen-0123456789'

describe('a file that is wrong is refused by name and key, and nothing of a key shows', () => {
  test.each([
    ['broken syntax', `server:\n  keys: [${secret}\n  port: 1\n`, /line 3, column 3/],
    ['two mappings in a line', `server:\n  keys: ${secret}: a: b\n`, /line 2/],
    ['an alias', `server:\n  keys: [*${secret}]\n`, /alias/],
    ['a tag', `server:\n  keys: !${secret}\n`, /server\.keys/],
    ['a tag without an end', `server:\n  keys: !${secret}! x\n`, /line 2/],
    ['a quote without an end', `server:\n  keys: ["${secret}]\n`, /not YAML/],
    ['a wrong escape', `server:\n  keys: ["\\q${secret}"]\n`, /line 2/],
    ['two documents', `log: warn\n---\n${secret}\n`, /multiple docs/],
    ['an unknown key', `server:\n  keys: [${secret}]\n  prot: 1\n`, /server: .*"prot"/],
    ['an unknown section', `severs:\n  keys: [${secret}]\n`, /"severs"/],
    ['a wrong type', `server:\n  keys: ${secret}\n`, /server\.keys: .*array/],
    ['a key that is too short', 'server:\n  keys: [sk-never]\n', /server\.keys\.0: .*16/],
    ['a section that is a word', `server: ${secret}\n`, /server: .*object/],
    ['a list', `- ${secret}\n`, /settings by name/],
    ['a word', secret, /settings by name/],
    ['a model without a file', 'models:\n  mine:\n    context: 5\n', /models\.mine\.file/],
    ['a model name with a quote', `models:\n  "it's":\n    file: x\n`, /models/],
    ['a provider that is a word', `providers: { openai: ${secret} }\n`, /providers\.openai: .*object/],
    ['a provider’s unknown key', `providers: { openai: { key: ${secret}, urll: x } }\n`, /providers\.openai: .*"urll"/],
    [
      'a provider’s key of two lines',
      `providers: { openai: { key: "${secret}\\nx: y" } }\n`,
      /openai\.key: .*one line/,
    ],
    [
      'a provider’s header of two lines',
      'providers: { openai: { headers: { a: "b\\r\\nc" } } }\n',
      /headers\.a: .*one line/,
    ],
    ['a base URL that is a file', 'providers: { x: { baseUrl: "file:///etc/passwd" } }\n', /x\.baseUrl: .*http/],
    ['a provider called local', 'providers: { local: {} }\n', /providers\.local/],
    [
      'a variable that is not set',
      'providers: { x: { keys: [a, "${NOT_SET}"] } }\n',
      /x\.keys\.1: .*NOT_SET is not set/,
    ],
    ['a number that is too big', 'engine:\n  parallel: 1000\n', /engine\.parallel: .*256/],
  ])('%s', async (_, yaml, expected) => {
    const message = await refusal(load(yaml, { INFERLOOM_PORT: '0' }))
    expect(message).toContain(join(home, 'inferloom.yaml'))
    expect(message).toMatch(expected)
    expect(message).not.toContain('sk-never')
    expect(message.trimEnd()).not.toContain('\n')
  })

  test('a file that cannot be read', async () => {
    expect(await refusal(loadConfig({ env: {}, file: all }))).toContain(all)
    expect(await refusal(loadConfig({ env: {}, file: join(all, 'nowhere.yaml') }))).toContain('nowhere.yaml')
  })
})

describe('what is not from the file names where it is from', () => {
  test.each([
    [{ INFERLOOM_PORT: '70000' }, {}, /^INFERLOOM_PORT: server\.port: .*65535/],
    [{ INFERLOOM_PORT: 'http' }, {}, /^INFERLOOM_PORT: server\.port: .*number/],
    [{ INFERLOOM_KEYS: 'sk-never' }, {}, /^INFERLOOM_KEYS: server\.keys\.0: .*16/],
    [{ INFERLOOM_BUILTIN: 'perhaps' }, {}, /^INFERLOOM_BUILTIN: builtin: .*boolean/],
    [{}, { 'engine.parallel': '1.5' }, /^--parallel: engine\.parallel: .*int/],
    [{ INFERLOOM_LOG: 'warn' }, { log: 'loud' }, /^--log: log: .*"debug"/],
  ])('%j %j', async (env, flags, expected) => {
    const message = await refusal(load('', env, flags))
    expect(message).toMatch(expected)
    expect(message).not.toContain('sk-never')
  })
})

test('flags override the environment, which overrides the file, each setting for itself', async () => {
  const yaml = 'server: { port: 1, host: localhost }\nengine:\n  queue: 2\n'
  const env = { INFERLOOM_PORT: '3', INFERLOOM_PARALLEL: '4', INFERLOOM_QUEUE: '' }
  const { config, file } = await load(yaml, env, { 'server.port': '5' })
  expect(config.server).toMatchObject({ port: 5, host: 'localhost' })
  expect(config.engine).toMatchObject({ queue: 2, parallel: 4 })
  expect(file).toBe(join(home, 'inferloom.yaml'))
})

test('lists come from the environment by commas, and switches as true, false, 1 or 0', async () => {
  const keys = ['first-key-of-sixteen', 'second-key-of-sixteen']
  const { config } = await load('', { INFERLOOM_KEYS: `${keys[0]}, ${keys[1]},`, INFERLOOM_BUILTIN: '0' })
  expect(config.server.keys).toEqual(keys)
  expect(config.builtin).toBe(false)
})

test('a model’s relative path starts at the file, not at the current folder', async () => {
  const { config } = await load('models: { mine: { file: weights/mine.gguf }, other: { file: /models/other.gguf } }\n')
  expect(config.models['mine']?.file).toBe(join(home, 'weights', 'mine.gguf'))
  expect(config.models['other']?.file).toBe(resolve('/models/other.gguf'))
})

test('environment variables stand in keys and headers of providers, and false leaves a provider out', async () => {
  const yaml =
    'providers: { a: { key: "${A_KEY}", headers: { X-Team: "team ${TEAM}" } }, b: { keys: [one, "${A_KEY}"] }, c: false }'
  const { config, env } = await load(yaml, { A_KEY: secret, TEAM: 'red' })
  expect(config.providers).toMatchObject({
    a: { key: secret, headers: { 'X-Team': 'team red' } },
    b: { keys: ['one', secret] },
    c: false,
  })
  expect(env).toMatchObject({ TEAM: 'red' })
})

test('nothing at all, and an empty file, are the defaults', async () => {
  const none = await loadConfig({ env: { INFERLOOM_HOME: join(home, 'none') } })
  expect(none).toMatchObject({ file: undefined, home: join(home, 'none'), config: { builtin: true } })
  expect(none.config.server).toMatchObject({ host: '127.0.0.1', port: 4633, keys: [] })
  expect((await load('# nothing\n')).config).toEqual(none.config)
})

test('whatever the file holds, it is understood or refused by name', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'grapheme' })), async (yaml) => {
      await load(yaml).catch((error: unknown) => {
        if (!(error instanceof InferloomError) || error.code !== 'config_invalid') throw error
      })
    }),
    { numRuns: 300 },
  )
})
