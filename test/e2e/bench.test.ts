// `inferloom bench` as it is typed, against the real server with the built-in model and against servers that are none.
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { BenchResult } from '../../src/bench/result.ts'
import { commandEnv, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { processesIn, run, start } from './command-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly folder: string
}

/** Runs `inferloom bench …` where it finds the server of this file. */
async function bench(args: readonly string[], folder = temporaryFolder()): Promise<Ran> {
  return { ...(await run(['bench', ...args], { folder, env: { INFERLOOM_PORT: new URL(server.url).port } })), folder }
}

/** Few and short, so that a stage is over with its count. */
const few = ['-n', '6', '--output-tokens', '8', '--prompt-tokens', '40']

async function resultOf(args: readonly string[]): Promise<BenchResult> {
  const { code, stdout, stderr } = await bench([...args, '--json'])
  expect([code, stderr]).toEqual([0, expect.stringContaining('Measuring loom-mini') as string])
  return JSON.parse(stdout) as BenchResult
}

describe('the real server', () => {
  test('a sweep over requests at a time: every request counted by the server, and all four files written', async () => {
    const files = ['json', 'csv', 'md', 'html'].flatMap((format) => ['-o', `run.${format}`])
    const load = ['--concurrency', '1,3', ...few, '--slo', 'ttft:20s', '--seed', '5']
    const { code, stdout, folder } = await bench([...load, ...files])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^1 at a time +6 +0 /m)
    expect(stdout).toMatch(/^3 at a time +6 +0 .*100 %$/m)
    const result = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as BenchResult
    expect(result).toMatchObject({
      seed: 5,
      dialect: 'openai-chat',
      tokenCounts: 'as the server reports them',
      isInterrupted: false,
    })
    for (const stage of result.sweeps[0]?.stages ?? expect.fail()) {
      // The model was kept writing, so that every answer is as long as was asked for.
      expect(stage).toMatchObject({ completed: 6, failed: 0, outputTokens: 48, metTargets: 1, model: 'loom-mini' })
      // Lengths of prompts are calibrated, not exact.
      expect(stage.promptTokens / 6).toBeGreaterThan(30)
      expect(stage.promptTokens / 6).toBeLessThan(50)
      expect(stage.ttft?.p50.value).toBeLessThan(stage.latency?.p50.value ?? 0)
    }
    expect(readFileSync(join(folder, 'run.csv'), 'utf8').split('\n')).toHaveLength(4)
    expect(readFileSync(join(folder, 'run.md'), 'utf8')).toContain('| 3 at a time | 6 | 0 |')
    expect(readFileSync(join(folder, 'run.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*data-chart="0"/)
    const same = await bench(['compare', 'run.json', 'run.json'], folder)
    expect(same).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing differs by more than the noise') as string,
    })
  })

  test.each(['openai-completions', 'anthropic-messages', 'gemini'])('spoken to in %s', async (dialect) => {
    const { sweeps, tokenCounts } = await resultOf([server.url, '--dialect', dialect, '--concurrency', '2', ...few])
    expect(tokenCounts).toBe('as the server reports them')
    expect(sweeps[0]?.stages[0]).toMatchObject({ completed: 6, failed: 0 })
    expect(sweeps[0]?.stages[0]?.outputTokens).toBeGreaterThanOrEqual(6)
  })

  test.each(['openai-chat', 'openai-completions', 'anthropic-messages', 'gemini'])(
    'whole answers in %s have a latency and tokens, and no time to the first',
    async (dialect) => {
      const load = ['--no-stream', '--dialect', dialect, '--concurrency', '1,2', ...few, '-o', 'run.html']
      const { sweeps, notes } = await resultOf(load)
      expect(notes[0]).toMatch(/asked for whole/)
      for (const stage of sweeps[0]?.stages ?? expect.fail()) {
        expect(stage).toMatchObject({ completed: 6, failed: 0 })
        expect([stage.ttft, stage.tpot, stage.itl]).toEqual([undefined, undefined, undefined])
        expect(stage.latency?.count).toBe(6)
        expect(stage.outputTokensPerSecond.value).toBeGreaterThan(0)
        expect(stage.series.ttft.every((value) => value === null)).toBe(true)
        if (dialect.startsWith('openai')) expect(stage.outputTokens).toBe(48)
      }
    },
  )

  test('an open loop, at random times and in bursts', async () => {
    for (const more of [
      ['--arrivals', 'poisson'],
      ['--arrivals', 'burst', '--burst-size', '3'],
    ]) {
      const { sweeps } = await resultOf(['--rate', '30', ...few, ...more])
      expect(sweeps[0]).toMatchObject({ kind: 'rate', stages: [{ x: 30, completed: 6, failed: 0 }] })
    }
  })

  test('the sweeps over lengths find what they cost', async () => {
    const prompts = await resultOf(['prompt-length', '--lengths', '40,300,700', '-n', '3', '--output-tokens', '4'])
    const [fit] = prompts.sweeps[0]?.fits ?? []
    expect(fit).toMatchObject({ kind: 'ttft-by-prompt-tokens', form: 'linear', points: 3 })
    expect(fit?.b).toBeGreaterThan(0)
    const outputs = await resultOf(['output-length', '--lengths', '4,40,150', '-n', '3'])
    expect(outputs.sweeps[0]?.stages.map(({ outputTokens }) => outputTokens)).toEqual([12, 120, 450])
    expect(outputs.sweeps[0]?.fits[0]?.b).toBeGreaterThan(0)
    const batch = await resultOf(['batch', '--concurrency', '1,2,4', ...few])
    expect(batch.sweeps[0]?.fits[0]).toMatchObject({ kind: 'tokens-per-second-by-concurrency', form: 'saturation' })
  })

  test('models beside each other are judged by the answers that the data expects', async () => {
    const folder = temporaryFolder()
    const rows = [
      { prompt: 'What is TTFT?', expected: 'first token' },
      { prompt: 'What is TTFT?', expected: ['no such answer'] },
    ]
    writeFileSync(join(folder, 'data.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
    const { code, stdout } = await bench(
      ['model', 'loom-mini', '--data', 'data.jsonl', '--price', 'loom-mini=1/2', '--json'],
      folder,
    )
    expect(code).toBe(0)
    const { sweeps } = JSON.parse(stdout) as BenchResult
    expect(sweeps[0]?.stages[0]).toMatchObject({ completed: 2, quality: { value: 0.5 } })
    expect(sweeps[0]?.stages[0]?.costPerThousand).toBeGreaterThan(0)
  })

  test('recorded traffic is sent at its own times; broken lines are named by their number', async () => {
    const folder = temporaryFolder()
    const lines = [
      '{"timestamp":0,"input_length":30,"output_length":4}',
      '{',
      '{"timestamp":300,"prompt":"What is TTFT?","output_tokens":3}',
    ]
    writeFileSync(join(folder, 'traffic.jsonl'), lines.join('\n'))
    const { code, stdout, stderr } = await bench(['--replay', 'traffic.jsonl', '--json'], folder)
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('1 of 3 lines of traffic.jsonl were left out: line 2 is not JSON.') as string,
    ])
    const { sweeps, tookSeconds } = JSON.parse(stdout) as BenchResult
    expect(sweeps[0]).toMatchObject({ kind: 'replay', stages: [{ completed: 2, failed: 0, outputTokens: 7 }] })
    expect(tookSeconds).toBeGreaterThan(0.3)
  })

  test.runIf(process.platform !== 'win32')('Ctrl-C ends it and keeps what came until then', async () => {
    const folder = temporaryFolder()
    const child = start(['bench', '--concurrency', '2', '-t', '60s', '-o', 'run.json'], {
      folder,
      env: { INFERLOOM_PORT: new URL(server.url).port },
    })
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
    await until('it measures', () => shown.includes('against requests at a time'))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
    expect(shown).toMatch(/Interrupted: what came until then is kept/)
    const result = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as BenchResult
    expect(result.isInterrupted).toBe(true)
    expect(result.sweeps[0]?.stages[0]?.completed).toBeGreaterThan(0)
    expect(result.sweeps[0]?.stages[0]?.failed).toBe(0)
  })
})

test('a server that asks for a key is asked with the one of its home', async () => {
  const guarded = await startTestServer({ INFERLOOM_KEYS: 'a-key-of-sixteen-characters' })
  onTestFinished(() => guarded.close())
  const { code, stdout } = await run(['bench', '-n', '4', '--json'], {
    folder: temporaryFolder(),
    env: commandEnv(guarded),
  })
  expect(code).toBe(0)
  const { sweeps } = JSON.parse(stdout) as BenchResult
  expect(new Set(sweeps.flatMap(({ stages }) => stages.map(({ failed }) => failed)))).toEqual(new Set([0]))
})

test('where no server runs, one of its own is measured and is gone afterwards', async () => {
  const folder = temporaryFolder()
  const { code, stdout } = await run(['bench', '--concurrency', '1', ...few], { folder })
  expect(stdout).toMatch(/^1 at a time +6 +0 /m)
  expect(stdout).toContain('No server was running: one was started for this run.')
  expect(code).toBe(0)
  expect(processesIn(folder)).toEqual([])
})

describe('what cannot be is said before anything is sent', () => {
  test.each([
    [['--rate', '0'], /--rate must be a number from 0\.001 to 100,000, not '0'/],
    [['--rate', '9999999'], /--rate must be/],
    [['--concurrency', '1,x'], /--concurrency must be a whole number.*'x'/],
    [['--arrivals', 'sometimes'], /--arrivals must be one of poisson, fixed, burst/],
    [['--dialect', 'soap'], /--dialect = 'soap'.*openai-chat.*gemini/],
    [['--slo', 'ttft:fast'], /--slo = 'fast' is not a duration/],
    [['--no-stream', '--slo', 'ttft:1s'], /--slo ttft:1s: with --no-stream there is no time/],
    [['-o', 'run.pdf'], /-o must be a file whose name ends with.*\.html/],
    [['-o', 'nowhere/run.json'], /-o must be.*folder that is there/],
    [['--key-env', 'NO_SUCH_VARIABLE'], /--key-env: the environment has no NO_SUCH_VARIABLE/],
    [['--body', '[1]'], /--body must be a JSON object/],
    [['--header', 'nonsense'], /--header must be of the form/],
    [['--data', 'missing.jsonl'], /--data: missing\.jsonl cannot be read/],
    [['--price', 'free'], /--price must be such as/],
    [['unknown-model'], /no model or route 'unknown-model'.*Known: loom-mini/],
    [['http://user:secret@127.0.0.1:1'], /'http:\/\/…@127\.0\.0\.1:1' is not the address/],
    [['http://127.0.0.1:9', '-m', 'x'], /No server answers at http:\/\/127\.0\.0\.1:9\. .*\[server_unreachable\]/],
    [['compare', 'a.json', 'b.json'], /a\.json cannot be read/],
  ])('%j', async (args, expected) => {
    const { code, stderr } = await bench(args)
    expect(code).toBe(1)
    expect(stderr).toMatch(expected)
    expect(stderr).not.toMatch(/\n\s+at |secret/)
  })
})

test('nobody’s cache is measured, unless it is allowed to be', async () => {
  const seen: (string | undefined)[] = []
  const mock = createServer((request, response) => {
    seen.push(request.headers['cache-control'])
    request.resume().on('end', () => response.writeHead(403).end('{}'))
  })
  mock.listen(0, '127.0.0.1')
  await once(mock, 'listening')
  onTestFinished(() => void mock.close())
  const url = `http://127.0.0.1:${(mock.address() as AddressInfo).port}`
  for (const flags of [[], ['--allow-cache'], ['-H', 'cache-control: no-cache']]) {
    seen.length = 0
    await bench([url, '-m', 'x', ...flags])
    expect(seen.at(-1)).toBe({ 0: 'no-store', 1: undefined, 2: 'no-cache' }[flags.length])
  }
})

describe('servers that are none', () => {
  async function listen(made: Server): Promise<string> {
    made.listen(0, '127.0.0.1')
    await once(made, 'listening')
    onTestFinished(() => void made.close())
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`
  }
  const http = (answer: RequestListener) => listen(createServer(answer))

  test.each<[string, () => Promise<string>, RegExp]>([
    ['resets', () => listen(createSocketServer((socket) => void socket.resetAndDestroy())), /\(reset\)/],
    [
      'speaks something else',
      () => listen(createSocketServer((socket) => void socket.end('220 mail\r\n\r\n'))),
      /\(not HTTP\)/,
    ],
    [
      'answers with a page',
      () => http((_, response) => void response.end('<html>')),
      /\(not a stream of answers\).*\[provider_invalid_reply\]/,
    ],
    [
      'wants a key',
      () =>
        http(
          (_, response) => void response.writeHead(401).end('{"error":{"code":"no_key","message":"Say who you are."}}'),
        ),
      /http 401 no_key\): Say who you are\..*--key-env.*\[invalid_api_key\]/,
    ],
    ['never answers', () => http(() => {}), /\(timeout\).*--timeout/],
  ])('one that %s', async (_, open, expected) => {
    const { code, stderr } = await bench([await open(), '-m', 'x', '--timeout', '1s', '-n', '2'])
    expect(code).toBe(1)
    expect(stderr).toMatch(expected)
  })

  test('one that breaks in the middle of the run: what came is told, with its errors by class', async () => {
    let count = 0
    const text = `data: {"choices":[{"delta":{"content":"word"}}]}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n`
    const url = await http((request, response) => {
      request.resume().on('end', () => {
        count++
        if (count % 3 === 0) response.writeHead(503).end('{"error":{"type":"overloaded"}}')
        else if (count % 3 === 1 && count > 8) response.socket?.destroy()
        else response.writeHead(200).end(text)
      })
    })
    const { stdout, code } = await bench([url, '-m', 'x', '--concurrency', '2', '-n', '30'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/errors, 2 at a time: .*http 503 overloaded ×\d+/)
    expect(stdout).toMatch(/reset ×\d+/)
    // Without usage in its stream tokens are estimated, which is said.
    expect(stdout).toMatch(/Token counts: estimates: a token for each 4 bytes/)
  })
})

test('keys and headers are sent and never shown', async () => {
  const seen: (string | undefined)[] = []
  const mock = createServer((request, response) => {
    seen.push(request.headers.authorization, request.headers['x-team'] as string)
    request.resume().on('end', () => response.writeHead(403).end('{}'))
  })
  mock.listen(0, '127.0.0.1')
  await once(mock, 'listening')
  onTestFinished(() => void mock.close())
  const url = `http://127.0.0.1:${(mock.address() as AddressInfo).port}`
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'home'), { recursive: true })
  const { stdout, stderr } = await run(['bench', url, '-m', 'x', '--key-env', 'MY_KEY', '-H', 'x-team: hidden-team'], {
    folder,
    env: { MY_KEY: 'hidden-key' },
  })
  expect(seen.slice(0, 2)).toEqual(['Bearer hidden-key', 'hidden-team'])
  expect(stdout + stderr).not.toContain('hidden')
})
