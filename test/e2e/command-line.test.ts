// Every command as a user types it, against a real server or one that it starts for itself.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { version } from '../../src/version.ts'
import {
  commandEnv,
  engineOf,
  question,
  startTestServer,
  temporaryFolder,
  until,
  type TestServer,
} from '../server-fixture.ts'
import { builtinModel, commandOf, environmentOf, output, processesIn, run, start } from './command-fixture.ts'

const posix = process.platform !== 'win32'
/** No answer of the built-in model to this question can do without these words. */
const meaning = /trained model.*output/s

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

/** Runs a command that finds the server of this file. */
function ask(args: readonly string[], input = '') {
  return run(args, { folder: temporaryFolder(), env: commandEnv(server), input })
}

const builtin = ['loom-mini', 'loom-nano', 'loom-embed']

describe('help', () => {
  test('--help says what there is, with examples', async () => {
    const { code, stdout } = await run(['--help'], { folder: temporaryFolder() })
    expect(code).toBe(0)
    for (const command of ['serve', 'chat', 'models', 'doctor', 'requests']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} .*[a-z]{3}`, 'm'))
    }
    expect(stdout).toContain('inferloom chat -m loom-mini "question"')
    expect(stdout).toContain('INFERLOOM_HOME')
  })

  test('--help of a command lists its flags with their variables', async () => {
    const { stdout } = await run(['serve', '--help'], { folder: temporaryFolder() })
    expect(stdout).toMatch(/--port <number>[^-]*INFERLOOM_PORT/)
  })

  test('--version is the version in package.json', async () => {
    expect(await run(['--version'], { folder: temporaryFolder() })).toMatchObject({ code: 0, stdout: `${version}\n` })
  })

  test.each([
    [['sevre'], /unknown command 'sevre'/],
    [['serve', '--prot', '1'], /Did you mean --port/],
    [['serve', 'now'], /too many arguments/],
    [['chat', '-t', 'hot', 'hello'], /--temperature.*0 to 2.*'hot'/],
    [['requests', '-n', 'all'], /limit/],
  ])('%j is refused with a hint', async (args, expected) => {
    const { code, stdout, stderr } = await ask(args)
    expect(code).toBe(1)
    expect(stderr).toMatch(expected)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(stdout).toBe('')
  })
})

describe('serve', () => {
  test('prints its address and a curl line that works as printed; SIGTERM ends it with code 0', async () => {
    const folder = temporaryFolder()
    const child = start(['serve'], { folder })
    const shown = output(child)
    await until('it is up', () => shown().includes('Ctrl-C stops'))
    expect(shown()).toMatch(/^inferloom \S+ listens on http:\/\/127\.0\.0\.1:\d+ /)
    expect(shown()).toMatch(/loom-mini +5\.\dM parameters, context of 1,024 tokens/)
    const line = /^ {2}(curl .+)$/m.exec(shown())?.[1] ?? ''
    expect(line).not.toBe('')
    if (posix) {
      const { stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
      expect(JSON.parse(stdout)).toMatchObject({
        choices: [{ message: { role: 'assistant', content: expect.stringMatching(meaning) as string } }],
      })
    }
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(processesIn(folder)).toEqual([])
  })
})

describe('chat', () => {
  test('answers a question from a pipe, with a model of its own where no server runs', async () => {
    const folder = temporaryFolder()
    const { code, stdout, stderr } = await run(['chat'], { folder, input: 'What is inference?\n' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(meaning)
    expect(code).toBe(0)
    expect(processesIn(folder)).toEqual([])
  })

  test.each([
    [['chat', '-m', 'loom-mini', 'What is inference?'], ''],
    [['chat', 'loom-mini', 'What', 'is', 'inference?'], ''],
    [['chat', 'What is inference?'], ''],
    [['chat', 'loom-mini'], 'What is inference?'],
  ])('%j %j asks the running server', async (args, input) => {
    const before = await ledgerRows()
    const { code, stdout, stderr } = await ask(args, input)
    expect(stderr).toBe('')
    expect(stdout).toMatch(meaning)
    expect(code).toBe(0)
    expect(await ledgerRows()).toBe(before + 1)
  })

  test('a word that is no model is refused with the models there are and the way to ask', async () => {
    const { code, stderr } = await ask(['chat', 'unknown-word'])
    expect(code).toBe(1)
    expect(stderr).toContain(`'unknown-word' on the server at ${server.url}. Known: ${builtin.join(', ')}.`)
    expect(stderr).toContain('inferloom chat -m loom-mini "question"')
  })

  test('a model that only another server has is refused with the one that was asked', async () => {
    const { code, stderr } = await ask(['chat', '-m', 'other', 'hello'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/'other' on the server at http.*Known: loom-mini.*\[model_not_found\]/)
  })

  test('no question at all is an error', async () => {
    expect(await ask(['chat'])).toMatchObject({ code: 1, stderr: expect.stringContaining('empty') as string })
  })

  // The util-linux `script` gives a program a terminal; the BSD one takes other flags.
  const hasScript = posix && spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')

  test.runIf(hasScript)('on a terminal, Ctrl-C stops the answer and not the program', async () => {
    const folder = temporaryFolder()
    const command = commandOf(['chat']).map((part) => `'${part}'`)
    const child = spawn('script', ['-qec', command.join(' '), '/dev/null'], {
      cwd: folder,
      env: { ...environmentOf(folder, commandEnv(server)), TERM: 'dumb' },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const shown = output(child)
    await until('it greets', () => shown().includes('Talking with loom-mini'))
    // An engine that stands still makes the answer last as long as the test needs.
    const { pid } = await engineOf(server)
    process.kill(pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(pid, 'SIGCONT'))
    child.stdin.write('Tell me everything.\r')
    await until('the question is taken', () => /everything\.[\r\n]+$/.test(shown()))
    await until('it is asking', async () => (await engineOf(server)).outstanding === 1)
    child.stdin.write('\u0003')
    await until('the answer is stopped', () => shown().includes('(stopped)'))
    process.kill(pid, 'SIGCONT')
    child.stdin.write('\u0003')
    await until('Ctrl-C alone explains itself', () => shown().includes('(/exit or Ctrl-D leaves)'))
    child.stdin.write('What is inference?\r')
    await until('the next question is answered', () => meaning.test(shown()))
    child.stdin.write('/exit\r')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('what is shown of a running server', () => {
  test('models', async () => {
    const { stdout } = await ask(['models'])
    const row = stdout.split('\n').find((line) => line.startsWith('loom-mini ')) ?? ''
    for (const cell of [/ 5\.\dM /, / 1,024 /, / 5\.\d MB/]) expect(row).toMatch(cell)
    expect(stdout).toContain(`served at ${server.url}`)
    expect(JSON.parse((await ask(['models', '--json'])).stdout)).toMatchObject([
      { id: 'loom-mini', context_length: 1024 },
      { id: 'loom-nano', context_length: 1024 },
      { id: 'loom-embed', context_length: 1024 },
    ])
  })

  test('doctor', async () => {
    const { stdout } = await ask(['doctor'])
    for (const name of ['machine', 'processor', 'memory', 'llama.cpp', 'devices', 'models', 'run with', 'data']) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\S`, 'm'))
    }
    expect(stdout).toContain(`running at ${server.url}`)
    expect(JSON.parse((await ask(['doctor', '--json'])).stdout)).toMatchObject({
      server: server.url,
      config: null,
      libraries: [expect.stringMatching(/^@node-llama-cpp\//)],
      models: builtin.map((id) => ({ id })),
      tuning: builtin.map((model) => ({
        model,
        settings: { threads: { value: 1, why: 'set' }, batchTokens: { value: 512, why: 'default' } },
      })),
    })
  })

  test('requests, newest first', async () => {
    await server.client.chat.completions.create({ model: 'loom-mini', messages: question, max_tokens: 3 })
    const { stdout } = await ask(['requests', '-n', '1'])
    expect(stdout).toMatch(/^time +key +model +status +prompt +output +TTFT +TPOT +total +cost +ended by\n/)
    expect(stdout).toMatch(/local +loom-mini +200 +12 +3 .* \$0\.00 +length\n$/)
    expect(JSON.parse((await ask(['requests', '--json', '-n', '1'])).stdout)).toMatchObject([
      { model: 'loom-mini', status: 200, prompt_tokens: 12, output_tokens: 3 },
    ])
  })
})

describe('without a server', () => {
  test.runIf(posix)('a command whose reader has left ends in silence', () => {
    const command = commandOf(['models', '--json']).map((part) => `'${part}'`)
    const env = environmentOf(temporaryFolder())
    const { stderr } = spawnSync('sh', ['-c', `${command.join(' ')} | true`], { env, encoding: 'utf8' })
    expect(stderr).toBe('')
  })

  test('models and doctor say what would be served', async () => {
    const folder = temporaryFolder()
    expect((await run(['models'], { folder })).stdout).toMatch(/loom-mini[^]*no server is running/)
    expect((await run(['doctor'], { folder })).stdout).toMatch(/^server +none/m)
  })

  test('requests says how to start one', async () => {
    const { code, stderr } = await run(['requests'], { folder: temporaryFolder() })
    expect(code).toBe(1)
    expect(stderr).toMatch(/inferloom serve\. \[server_unreachable\]/)
  })
})

test('a server is asked with its admin key, and its refusal is told as it is', async () => {
  const guarded = await startTestServer({ INFERLOOM_KEYS: 'a-key-of-sixteen-characters' })
  onTestFinished(() => guarded.close())
  const env = { INFERLOOM_PORT: new URL(guarded.url).port }
  const folder = temporaryFolder()
  const without = await run(['requests'], { folder, env })
  expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('[invalid_api_key]') as string })
  expect(await run(['requests'], { folder, env: commandEnv(guarded) })).toMatchObject({ code: 0 })
})

describe('README.md', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const block = (language: string) => readme.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? ''

  test('the client’s program works as written, but for the port', async () => {
    const program = block('ts').replace('http://127.0.0.1:4633', server.url)
    expect(program).toContain(server.url)
    // From here the program finds the client that is installed with the project.
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { cwd: import.meta.dirname })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(stderr).toBe('')
    expect(stdout).toMatch(meaning)
  })

  test('the settings are settings, and the model’s file is looked for beside them', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'weights'))
    copyFileSync(builtinModel, join(folder, 'weights', 'my-model.gguf'))
    writeFileSync(join(folder, 'inferloom.yaml'), block('yaml'))
    const { stdout, stderr } = await run(['models'], { folder })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^my-model .*MB/m)
  })
})

async function ledgerRows(): Promise<number> {
  const { data } = (await (await server.get('/admin/requests?limit=1000')).json()) as { data: unknown[] }
  return data.length
}
