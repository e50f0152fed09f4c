// More models than memory: who is loaded, who has to leave, and that every request ends.
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { writeGguf, type Tensor } from '../../benchmarks/gguf-writer.ts'
import { commandEnv, question, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { builtinModel, run } from './command-fixture.ts'

/** A copy of the built-in model takes 140 MB with two requests at once, its process included. */
const memoryForOne = { INFERLOOM_MEMORY_GB: '0.2', INFERLOOM_PARALLEL: '2' }
const memoryForTwo = { INFERLOOM_MEMORY_GB: '0.35', INFERLOOM_PARALLEL: '2' }
/** Answers as long as the context allows: the tokens that would end them are forbidden. */
const long = { messages: question, logit_bias: { 0: -100, 2: -100 } }
const short = { messages: question, max_tokens: 4 }

interface Row {
  readonly model: string
  readonly state: string
  readonly pid?: number
  readonly loads: number
  readonly restarts: number
  readonly waitingForLoad: number
  readonly outstanding: number
  readonly memoryBytes: number
}

async function report(server: TestServer): Promise<{ rows: Record<string, Row>; swaps: number; usedBytes: number }> {
  const { data, pool } = (await (await server.get('/admin/engine')).json()) as {
    data: Row[]
    pool: { swaps: number; usedBytes: number; budgetBytes: number }
  }
  expect(pool.usedBytes).toBeLessThanOrEqual(pool.budgetBytes)
  return { rows: Object.fromEntries(data.map((row) => [row.model, row])), ...pool }
}

async function stateOf(server: TestServer, model: string): Promise<string | undefined> {
  return (await report(server)).rows[model]?.state
}

/** A server with copies of the built-in model under other names, each with its settings in YAML. */
async function serverWith(models: Record<string, string>, env: Record<string, string> = memoryForOne) {
  const folder = temporaryFolder()
  const lines = Object.entries(models).map(([name, settings]) => {
    copyFileSync(builtinModel, join(folder, `${name}.gguf`))
    return `  ${name}: { file: ${name}.gguf, ${settings} }\n`
  })
  const file = join(folder, 'inferloom.yaml')
  writeFileSync(file, `builtin: false\nmodels:\n${lines.join('')}`)
  const server = await startTestServer(env, file)
  onTestFinished(() => server.close())
  return { server, folder }
}

const ask = (server: TestServer, model: string) => server.client.chat.completions.create({ model, ...short })

describe('two models with memory for one', () => {
  const alternating = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'))

  test('200 requests at once, in turns: all are answered, and the models are exchanged at most 20 times', async () => {
    const { server } = await serverWith({ a: '', b: '' })
    const answers = await Promise.all(alternating.map((model) => ask(server, model)))
    expect(answers.map(({ model }) => model)).toEqual(alternating)
    const { swaps } = await report(server)
    expect(swaps).toBeGreaterThanOrEqual(1)
    expect(swaps).toBeLessThanOrEqual(20)
  })

  test('200 requests of 8 clients, in turns: the same', async () => {
    const { server } = await serverWith({ a: '', b: '' })
    const left = [...alternating]
    const clients = Array.from({ length: 8 }, async () => {
      for (let model = left.shift(); model !== undefined; model = left.shift()) {
        expect((await ask(server, model)).model).toBe(model)
      }
    })
    await Promise.all(clients)
    const { swaps } = await report(server)
    expect(swaps).toBeGreaterThanOrEqual(1)
    expect(swaps).toBeLessThanOrEqual(20)
  })

  test('a model that is asked all the time lets the other have its turn', async () => {
    const { server } = await serverWith({ a: '', b: '' })
    const over = new AbortController()
    const busy = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) await ask(server, 'a')
    })
    await ask(server, 'b')
    over.abort()
    await Promise.all(busy)
  })

  test('a request that is cancelled while it waits leaves nothing behind', async () => {
    const { server } = await serverWith({ a: '', b: '' })
    const stream = await server.client.chat.completions.create({ model: 'a', ...long, stream: true })
    const reading = Array.fromAsync(stream)
    const leaving = new AbortController()
    const waiting = server.client.chat.completions.create({ model: 'b', ...short }, { signal: leaving.signal })
    void waiting.catch(() => {})
    await until('it waits', async () => (await report(server)).rows['b']?.waitingForLoad === 1)
    leaving.abort()
    await expect(waiting).rejects.toThrow(/abort/i)
    await until('it waits no more', async () => (await report(server)).rows['b']?.waitingForLoad === 0)
    await ask(server, 'a')
    expect((await reading).at(-1)?.choices[0]?.finish_reason).toBe('length')
    expect(await report(server)).toMatchObject({ swaps: 0, rows: { a: { state: 'ready' }, b: { state: 'unloaded' } } })
  })

  test('who waits for memory is refused past the queue, and told to come back', async () => {
    const { server } = await serverWith({ a: '', b: '' }, { ...memoryForOne, INFERLOOM_QUEUE: '3' })
    const holding = server.client.chat.completions.create({ model: 'a', ...long })
    const answers = await Promise.all(
      Array.from({ length: 9 }, () => server.post('/v1/chat/completions', { model: 'b', ...short })),
    )
    await holding
    const refused = answers.filter(({ status }) => status === 503)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    expect(refused).toHaveLength(4)
    expect(await refused[0]?.json()).toMatchObject({ error: { code: 'engine_overloaded' } })
  })

  test('shutdown ends what waits for memory', async () => {
    const { server } = await serverWith({ a: '', b: '' }, { ...memoryForOne, INFERLOOM_SHUTDOWN_GRACE_SECONDS: '0.1' })
    const both = ['a', 'b'].map((model) => server.client.chat.completions.create({ model, ...long, n: 2 }))
    const ended = Promise.allSettled(both)
    await until('it waits', async () => (await report(server)).rows['b']?.waitingForLoad === 1)
    await server.close()
    expect((await ended)[1]).toMatchObject({ status: 'rejected', reason: { code: 'shutting_down' } })
  })
})

describe('loading', () => {
  test('twenty first requests load a model once', async () => {
    const { server } = await serverWith({ a: 'preload: false' })
    expect(await stateOf(server, 'a')).toBe('unloaded')
    await Promise.all(Array.from({ length: 20 }, () => ask(server, 'a')))
    expect((await report(server)).rows['a']).toMatchObject({ loads: 1, state: 'ready' })
  })

  test('a model that is not loaded is listed like one that is', async () => {
    const { server } = await serverWith({ a: '', b: 'preload: false', c: 'preload: false, context: 256' })
    const { data } = (await (await server.get('/v1/models')).json()) as { data: Record<string, unknown>[] }
    const [a, b, c] = data
    expect(b).toMatchObject({ id: 'b', context_length: a?.['context_length'], parameters: a?.['parameters'] })
    expect(c).toMatchObject({ id: 'c', context_length: 256 })
  })

  test('a shutdown while a model loads ends its requests', async () => {
    const { server } = await serverWith({ a: 'preload: false' }, { INFERLOOM_SHUTDOWN_GRACE_SECONDS: '0.01' })
    const asked = ask(server, 'a')
    void asked.catch(() => {})
    await until('it loads', async () => (await stateOf(server, 'a')) === 'starting')
    await server.close()
    await expect(asked).rejects.toMatchObject({ code: 'shutting_down' })
  })

  test('a model that takes too long to load is given up, and the next request tries again', async () => {
    const { server } = await serverWith({ a: 'preload: false' }, { INFERLOOM_LOAD_TIMEOUT_SECONDS: '0.001' })
    for (let time = 0; time < 2; time++) {
      await expect(ask(server, 'a')).rejects.toMatchObject({ status: 503, message: /loadTimeoutSeconds/ })
    }
    await until('its memory is free', async () => (await report(server)).usedBytes === 0)
  })

  test('a process that is killed while it loads fails the requests that wait for it, and no others', async () => {
    const { server } = await serverWith({ a: '', b: 'preload: false' }, memoryForTwo)
    const stream = await server.client.chat.completions.create({ model: 'a', ...long, stream: true })
    const reading = Array.fromAsync(stream)
    const asked = ask(server, 'b')
    void asked.catch(() => {})
    await until('it loads', async () => (await stateOf(server, 'b')) === 'starting')
    process.kill((await report(server)).rows['b']?.pid ?? 0, 'SIGKILL')
    await expect(asked).rejects.toMatchObject({ status: 503, code: 'engine_failed' })
    expect((await ask(server, 'b')).model).toBe('b')
    expect((await reading).at(-1)?.choices[0]?.finish_reason).toBe('length')
  })

  test('a process that is killed while it decodes comes back in its place', async () => {
    const { server } = await serverWith({ a: '', b: '' }, memoryForTwo)
    const [dies, lives] = await Promise.all(
      ['a', 'b'].map((model) => server.client.chat.completions.create({ model, ...long, stream: true })),
    )
    const ended = Promise.allSettled([dies, lives].map((stream) => Array.fromAsync(stream ?? [])))
    process.kill((await report(server)).rows['a']?.pid ?? 0, 'SIGKILL')
    expect(await ended).toMatchObject([
      { status: 'rejected', reason: { code: 'engine_failed' } },
      { status: 'fulfilled' },
    ])
    await until('it is back', async () => (await stateOf(server, 'a')) === 'ready')
    expect((await ask(server, 'a')).model).toBe('a')
    expect((await report(server)).rows).toMatchObject({ a: { restarts: 1, loads: 1 }, b: { restarts: 0 } })
  })
})

describe('what stays in memory', () => {
  test('a model leaves after its keepAlive, and comes back when asked', async () => {
    const { server } = await serverWith({ a: 'keepAlive: 0.2', b: 'keepAlive: -1' }, memoryForTwo)
    await until('it left', async () => (await stateOf(server, 'a')) === 'unloaded')
    await ask(server, 'a')
    const { rows, swaps } = await report(server)
    expect(rows).toMatchObject({ a: { loads: 2 }, b: { loads: 1, state: 'ready' } })
    expect(swaps).toBe(0)
  })

  test('with keepAlive 0 it leaves with its last request', async () => {
    const { server } = await serverWith({ a: 'keepAlive: 0, preload: false' })
    await Promise.all([ask(server, 'a'), ask(server, 'a')])
    await until('it left', async () => (await stateOf(server, 'a')) === 'unloaded')
  })

  test('the one that was not used for longest leaves, but never a pinned one', async () => {
    const { server } = await serverWith({ a: 'pinned: true', b: '', c: '', d: '' }, memoryForTwo)
    for (const model of ['c', 'd']) {
      await ask(server, model)
      const { rows } = await report(server)
      expect(Object.values(rows).filter(({ state }) => state === 'ready')).toMatchObject([{ model: 'a' }, { model }])
    }
    expect((await report(server)).rows['a']?.loads).toBe(1)
  })

  test('a model that cannot fit beside the pinned ones is refused with the numbers', async () => {
    const { server } = await serverWith({ a: 'pinned: true', b: '' })
    await expect(ask(server, 'b')).rejects.toMatchObject({
      code: 'model_too_big',
      message: /b needs \d+ MB.*\ba \(pinned\) hold \d+ MB of the 200 MB/,
    })
    await ask(server, 'a')
  })

  test('a model that is too big even alone is refused with the numbers', async () => {
    const { server } = await serverWith({ a: '' }, { INFERLOOM_MEMORY_GB: '0.1' })
    await expect(ask(server, 'a')).rejects.toMatchObject({
      code: 'model_too_big',
      message: /needs 30 MB.*20 MB are free.*100 MB together/,
    })
    expect(await stateOf(server, 'a')).toBe('unloaded')
  })

  test('one that must be loaded at the start and is too big ends the start', async () => {
    await expect(serverWith({ a: 'preload: true' }, { INFERLOOM_MEMORY_GB: '0.1' })).rejects.toMatchObject({
      code: 'model_too_big',
    })
    await expect(serverWith({ a: '', b: 'preload: true' })).rejects.toMatchObject({ code: 'model_too_big' })
  })
})

describe('files that come and go', () => {
  test('a file that is put into a folder is served without a restart', async () => {
    const folder = temporaryFolder()
    const server = await startTestServer({ INFERLOOM_STORE_FOLDERS: folder })
    onTestFinished(() => server.close())
    await expect(ask(server, 'late')).rejects.toMatchObject({ code: 'model_not_found' })
    copyFileSync(builtinModel, join(folder, 'late.gguf'))
    await until('it is listed', async () => (await server.client.models.list()).data.some(({ id }) => id === 'late'))
    expect((await ask(server, 'late')).model).toBe('late')
    rmSync(join(folder, 'late.gguf'))
    await until('the deletion is seen', async () => !(await report(server)).rows['later'])
    expect((await ask(server, 'late')).model).toBe('late')
  })

  test('a deleted file serves on while it is loaded; loading it again fails with its name', async () => {
    const { server, folder } = await serverWith({ a: '', b: '' })
    rmSync(join(folder, 'a.gguf'))
    await ask(server, 'a')
    await ask(server, 'b')
    await expect(ask(server, 'a')).rejects.toMatchObject({ code: 'model_file_missing', message: /a\.gguf/ })
    await ask(server, 'b')
  })

  test('a damaged file in a folder is listed and says what is wrong with it; the others go on', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'damaged.gguf'), 'GGUF')
    const server = await startTestServer({ INFERLOOM_STORE_FOLDERS: folder })
    onTestFinished(() => server.close())
    await expect(ask(server, 'damaged')).rejects.toMatchObject({ code: 'model_file_invalid', message: /damaged\.gguf/ })
    await ask(server, 'loom-mini')
  })
})

test('inferloom top shows every model, in a table of 100 columns and for machines', async () => {
  const { server, folder } = await serverWith({ a: 'pinned: true', b: 'preload: false' })
  await ask(server, 'a')
  const env = commandEnv(server)
  const shown = await run(['top'], { folder, env })
  expect(shown.code, shown.stderr).toBe(0)
  expect(shown.stdout).toMatch(/^a +idle \* +1\d\d\.\d MB +\d+ +1  0\/2 +0 +0 /m)
  expect(shown.stdout).toMatch(/^b +unloaded +1\d\d\.\d MB +– +1 /m)
  expect(Math.max(...shown.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  const { data, pool } = JSON.parse((await run(['top', '--json'], { folder, env })).stdout) as {
    data: unknown[]
    pool: unknown
  }
  expect(data).toMatchObject([
    { model: 'a', tokensPerSecond: 0 },
    { model: 'b', tokensPerSecond: null },
  ])
  expect(pool).toMatchObject({ swaps: 0, budgetBytes: 200_000_000 })
})

describe('LoRA adapters', () => {
  const rank = 4
  const width = 256
  const constant = (name: string, shape: number[]): Tensor => ({
    name,
    shape,
    type: 'F32',
    fill: (values) => values.forEach((_, index) => (values[index] = Math.sin(index) * 0.2)),
  })
  const metadata = (architecture: string) => ({
    'general.type': 'adapter',
    'general.architecture': architecture,
    'adapter.type': 'lora',
    'adapter.lora.alpha': { float32: rank },
  })
  const tensors = (of: number) => [
    constant('blk.0.attn_output.weight.lora_a', [of, rank]),
    constant('blk.0.attn_output.weight.lora_b', [rank, of]),
  ]

  async function logprobs(server: TestServer, model: string): Promise<number[]> {
    const { choices } = await server.client.chat.completions.create({ model, ...short, temperature: 0, logprobs: true })
    return choices[0]?.logprobs?.content?.map(({ logprob }) => logprob) ?? []
  }

  test('scale 0 changes nothing, scale 1 changes the logits, and the model itself stays as it is', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'adapter.gguf')
    writeGguf(file, metadata('llama'), tensors(width))
    const with_ = (scale: number) => `preload: false, lora: [{ file: ${file}, scale: ${scale} }]`
    const { server } = await serverWith({ plain: '', none: with_(0), full: with_(1) }, { INFERLOOM_PARALLEL: '2' })
    const plain = await logprobs(server, 'plain')
    expect(plain.length).toBeGreaterThan(0)
    expect(await logprobs(server, 'none')).toEqual(plain)
    expect(await logprobs(server, 'full')).not.toEqual(plain)
    expect(await logprobs(server, 'plain')).toEqual(plain)
    const vectors = await Promise.all(
      ['plain', 'none', 'full'].map(async (model) => {
        const { data } = await server.client.embeddings.create({
          model,
          input: 'What is it?',
          encoding_format: 'float',
        })
        return data[0]?.embedding
      }),
    )
    expect(vectors[1]).toEqual(vectors[0])
    expect(vectors[2]).not.toEqual(vectors[0])
  })

  test.each([
    ['that is damaged', 'model_file_invalid', (file: string) => writeFileSync(file, 'GGUF and no more')],
    ['that is a model', 'model_file_invalid', (file: string) => copyFileSync(builtinModel, file)],
    [
      'for another architecture',
      'model_unsupported',
      (file: string) => writeGguf(file, metadata('qwen3'), tensors(width)),
    ],
    ['that is not there', 'model_file_missing', () => {}],
  ])('one %s ends the start with its name', async (_, code, write) => {
    const file = join(temporaryFolder(), 'adapter.gguf')
    write(file)
    await expect(
      serverWith({ plain: '', tuned: `preload: false, lora: [{ file: ${file} }]` }, {}),
    ).rejects.toMatchObject({
      code,
      message: expect.stringContaining(file) as string,
    })
  })

  test('one for a model of another size is refused when it is loaded, and disturbs nobody', async () => {
    const file = join(temporaryFolder(), 'adapter.gguf')
    writeGguf(file, metadata('llama'), tensors(128))
    const { server } = await serverWith({ plain: '', tuned: `preload: false, lora: [{ file: ${file} }]` }, {})
    const stream = await server.client.chat.completions.create({ model: 'plain', ...long, stream: true })
    const reading = Array.fromAsync(stream)
    await expect(ask(server, 'tuned')).rejects.toMatchObject({
      code: 'model_file_invalid',
      message: expect.stringContaining(file) as string,
    })
    expect((await reading).at(-1)?.choices[0]?.finish_reason).toBe('length')
  })
})
