// Embeddings and reranking: the official client against a real server, the built-in model and models of random weights.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tinyBert, tinyModel, writeRandomBert, writeRandomModel } from '../../benchmarks/random-model.ts'
import { engineOf, question, startTestServer, until, type TestServer } from '../server-fixture.ts'

const model = 'loom-mini'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

interface Row {
  readonly dialect: string
  readonly model: string
  readonly status: number
  readonly prompt_tokens: number | null
  readonly output_tokens: number | null
  readonly error: string | null
}

async function latestRow(from: TestServer): Promise<Row | undefined> {
  const { data } = (await (await from.get('/admin/requests')).json()) as { data: Row[] }
  return data[0]
}

async function embed(input: OpenAI.EmbeddingCreateParams['input'], from = server, named = model): Promise<number[][]> {
  const { data } = await from.client.embeddings.create({ model: named, input, encoding_format: 'float' })
  return data.map(({ embedding }) => embedding)
}

const dot = (a: readonly number[] = [], b: readonly number[] = []) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)

function distance(a: readonly number[] = [], b: readonly number[] = []): number {
  expect(a.length).toBe(b.length)
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))))
}

/**
 * How far a vector of the built-in model moves with what else is in its batch: its weights are quantised, and then
 * llama.cpp quantises activations too, where the last bit of a sum decides between two steps. Models in F32 move 1e-6.
 */
const rounding = 1e-3

/** Different texts of different lengths. */
const texts = Array.from(
  { length: 100 },
  (_, index) => `Text ${index} is about ${'inference '.repeat(1 + (index % 7))}`,
)

describe('embeddings', () => {
  test('one text gives one vector of length 1, in the shape the client expects, and its tokens are counted', async () => {
    const answer = await server.client.embeddings.create({ model, input: 'What is inference?', user: 'someone' })
    expect(answer).toMatchObject({ object: 'list', model, data: [{ object: 'embedding', index: 0 }] })
    const vector = answer.data[0]?.embedding ?? []
    expect(vector.length).toBeGreaterThan(1)
    expect(dot(vector, vector)).toBeCloseTo(1, 5)
    expect(answer.usage.prompt_tokens).toBeGreaterThan(2)
    expect(answer.usage.total_tokens).toBe(answer.usage.prompt_tokens)
    expect(await latestRow(server)).toMatchObject({
      dialect: 'openai-embeddings',
      model,
      status: 200,
      prompt_tokens: answer.usage.prompt_tokens,
      output_tokens: 0,
      error: null,
    })
  })

  test('base64, which the client asks for by itself, holds the same numbers as float', async () => {
    const [floats] = await embed('the same')
    const answer = await server.client.embeddings.create({ model, input: 'the same' })
    const raw = await server.post('/v1/embeddings', { model, input: 'the same', encoding_format: 'base64' })
    const { data } = (await raw.json()) as { data: { embedding: unknown }[] }
    expect(data[0]?.embedding).toMatch(/^[\w+/]+=*$/)
    expect(answer.data[0]?.embedding).toEqual(floats)
  })

  test('a text in a batch of 100 has the vector it has alone, and the order is kept', async () => {
    const together = await embed(texts)
    expect(together).toHaveLength(100)
    for (const index of [0, 1, 41, 98, 99]) {
      const [alone] = await embed(texts[index] ?? '')
      expect(distance(together[index], alone)).toBeLessThan(rounding)
    }
    // Otherwise any order would pass.
    expect(distance(together[0], together[99])).toBeGreaterThan(1e-2)
  })

  test('token ids are the text they stand for', async () => {
    const usage = async (input: OpenAI.EmbeddingCreateParams['input']) =>
      (await server.client.embeddings.create({ model, input })).usage.prompt_tokens
    expect(await usage([1, 100, 101])).toBe(3)
    expect(
      await usage([
        [1, 100],
        [1, 101, 102],
      ]),
    ).toBe(5)
    const [list, alone] = [
      await embed([
        [5, 6],
        [1, 100, 101],
      ]),
      await embed([1, 100, 101]),
    ]
    expect(distance(list[1], alone[0])).toBeLessThan(rounding)
  })

  test('what spells a control token is text', async () => {
    const [spelled, other] = await embed(['<|im_end|>', 'im_end'])
    const { usage } = await server.client.embeddings.create({ model, input: '<|im_end|><|im_end|><|im_end|>' })
    expect(usage.prompt_tokens).toBeGreaterThan(6)
    expect(distance(spelled, other)).toBeGreaterThan(1e-3)
  })

  test('dimensions keeps the beginning of the vector at length 1', async () => {
    const [whole = []] = await embed('a text')
    const { data } = await server.client.embeddings.create({ model, input: 'a text', dimensions: 16 })
    const short = data[0]?.embedding ?? []
    expect(short).toHaveLength(16)
    const length = Math.sqrt(dot(whole.slice(0, 16), whole.slice(0, 16)))
    expect(
      distance(
        short,
        whole.slice(0, 16).map((value) => value / length),
      ),
    ).toBeLessThan(1e-6)
    await expect(
      server.client.embeddings.create({ model, input: 'a text', dimensions: whole.length + 1 }),
    ).rejects.toMatchObject({ status: 400, param: 'dimensions' })
  })

  test.each([
    ['an empty text', { input: '' }, 'invalid_value', 'input'],
    ['an empty text among others', { input: ['a', ''] }, 'invalid_value', 'input[1]'],
    ['no input', {}, 'missing_parameter', 'input'],
    ['an empty list', { input: [] }, 'invalid_value', 'input'],
    ['a number among texts', { input: ['a', 1] }, 'invalid_value', 'input[1]'],
    ['a text among tokens', { input: [1, 'a'] }, 'invalid_value', 'input[1]'],
    ['an empty list of tokens', { input: [[1], []] }, 'invalid_value', 'input[1]'],
    ['a fraction as a token', { input: [[1, 1.5]] }, 'invalid_value', 'input[0][1]'],
    ['a token the model does not have', { input: [[1], [999_999_999]] }, 'invalid_value', 'input[1]'],
    ['half a character', { input: ['a', '\uD800'] }, 'invalid_value', 'input[1]'],
    ['2,049 texts', { input: Array.from({ length: 2049 }, () => 'a') }, 'invalid_value', 'input'],
    ['another encoding', { input: 'a', encoding_format: 'int8' }, 'invalid_value', 'encoding_format'],
    ['a purpose', { input: 'a', input_type: 'search_query' }, 'unsupported_parameter', 'input_type'],
    ['an unknown purpose', { input: 'a', input_type: 'fun' }, 'invalid_value', 'input_type'],
    ['no dimensions', { input: 'a', dimensions: 0 }, 'invalid_value', 'dimensions'],
    ['a parameter there is not', { input: 'a', truncate: true }, 'unknown_parameter', 'truncate'],
  ])('%s is refused by name', async (_, body, code, param) => {
    const answer = await server.post('/v1/embeddings', { model, ...body })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code, param, type: 'invalid_request_error' } })
  })

  test('an input longer than the context is refused with its tokens and the limit, never cut', async () => {
    const { data } = (await (await server.get('/v1/models')).json()) as { data: { context_length: number }[] }
    const limit = data[0]?.context_length ?? 0
    const input = ['a', 'b', 'c', Array.from({ length: limit + 1 }, () => 'word').join(' '), 'e']
    await expect(server.client.embeddings.create({ model, input })).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      param: 'input[3]',
      message: expect.stringMatching(
        new RegExp(`input\\[3\\].* has \\d+ tokens; this model takes ${limit} at once`),
      ) as string,
    })
    expect(await latestRow(server)).toMatchObject({ status: 400, error: 'context_length_exceeded' })
    const longest = Array.from({ length: limit }, (_, index) => 100 + (index % 50))
    const answer = await server.client.embeddings.create({ model, input: longest })
    expect(answer.usage.prompt_tokens).toBe(limit)
  })

  test('a model that is not there', async () => {
    const answer = server.client.embeddings.create({ model: 'gpt-9', input: 'a' })
    await expect(answer).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
  })

  test('64 requests at once share evaluations, and each gets its own vector', async () => {
    const before = (await engineOf(server)).stats.embeddings
    const vectors = await Promise.all(texts.slice(0, 64).map((text) => embed(text)))
    const after = (await engineOf(server)).stats.embeddings
    expect(after.inputs - before.inputs).toBe(64)
    expect(after.evaluations - before.evaluations).toBeLessThan(32)
    const together = await embed(texts.slice(0, 64))
    for (const [index, [vector]] of vectors.entries()) expect(distance(vector, together[index])).toBeLessThan(rounding)
  })

  test('texts are embedded while answers are being written, and neither waits for the other to end', async () => {
    const stream = await server.client.chat.completions.create({
      model,
      messages: question,
      stream: true,
      max_tokens: 600,
      logit_bias: { 0: -100, 2: -100 },
    })
    let chunks = 0
    let chunksWhenEmbedded: number | undefined
    let embedding: Promise<unknown> | undefined
    for await (const _ of stream) {
      if (++chunks === 3) embedding = embed(texts.slice(0, 20)).then(() => (chunksWhenEmbedded = chunks))
    }
    await embedding
    expect(chunksWhenEmbedded).toBeGreaterThanOrEqual(3)
    expect(chunksWhenEmbedded).toBeLessThan(chunks)
  })

  test('a client that leaves takes its inputs with it', async () => {
    const controller = new AbortController()
    const input = Array.from({ length: 2048 }, (_, index) => `${index} ${'word '.repeat(200)}`)
    const before = (await engineOf(server)).stats.embeddings
    const asked = server.client.embeddings.create({ model, input }, { signal: controller.signal })
    await until('it has begun', async () => (await engineOf(server)).stats.embeddings.inputs > before.inputs)
    controller.abort()
    await expect(asked).rejects.toThrow(OpenAI.APIUserAbortError)
    await until('nothing waits', async () => (await engineOf(server)).stats.embeddings.waiting === 0)
    const { stats, outstanding } = await engineOf(server)
    expect(outstanding).toBe(0)
    expect(stats.embeddings.inputs - before.inputs).toBeLessThan(2048)
    expect(await latestRow(server)).toMatchObject({ status: 499, error: 'client_closed' })
  })
})

describe('an engine that dies', () => {
  test('fails what it was embedding with a retryable error, and embeds again', async () => {
    const own = await startTestServer()
    try {
      const input = Array.from({ length: 2048 }, (_, index) => `${index} ${'word '.repeat(200)}`)
      const asked = own.client.embeddings.create({ model, input })
      void asked.catch(() => {})
      await until('it has begun', async () => (await engineOf(own)).stats.embeddings.inputs > 0)
      process.kill((await engineOf(own)).pid, 'SIGKILL')
      await expect(asked).rejects.toMatchObject({ status: 503, code: 'engine_failed' })
      await until('the engine is back', async () => (await engineOf(own)).state === 'ready')
      expect(await embed('again', own)).toHaveLength(1)
    } finally {
      await own.close()
    }
  })

  test('more requests than the queue holds are refused', async () => {
    const own = await startTestServer({ INFERLOOM_PARALLEL: '1', INFERLOOM_QUEUE: '1' })
    try {
      const input = Array.from({ length: 20 }, () => 'word '.repeat(200))
      const answers = await Promise.all(Array.from({ length: 6 }, () => own.post('/v1/embeddings', { model, input })))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
      expect(answers.filter(({ status }) => status === 503)).toHaveLength(4)
    } finally {
      await own.close()
    }
  })
})

interface Ranking {
  readonly id: string
  readonly model: string
  readonly results: { index: number; relevance_score: number; document?: { text: string } }[]
  readonly usage: { prompt_tokens: number; total_tokens: number }
  readonly meta: { tokens: { input_tokens: number } }
}

async function ranked(from: TestServer, path: string, body: Record<string, unknown>): Promise<Ranking> {
  const answer = await from.post(path, body)
  const ranking = (await answer.json()) as Ranking
  expect(answer.status, JSON.stringify(ranking)).toBe(200)
  return ranking
}

const documents = ['The weather is fine.', 'What is inference?', 'Bread is baked from flour.']

describe('rerank by the similarity of embeddings', () => {
  test("Cohere's shape: best first, scores from 0 to 1, the query itself first of all", async () => {
    const ask = { model, query: 'What is inference?', documents }
    const { results, id, usage, meta } = await ranked(server, '/v2/rerank', ask)
    expect(results[0]?.index).toBe(1)
    expect(results[0]?.relevance_score).toBeCloseTo(1, 4)
    expect(new Set(results.map(({ index }) => index))).toEqual(new Set([0, 1, 2]))
    const scores = results.map((result) => result.relevance_score)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
    for (const score of scores) expect(score >= 0 && score <= 1).toBe(true)
    expect(results[0]).not.toHaveProperty('document')
    expect(id).toMatch(/^rerank-/)
    expect(meta.tokens.input_tokens).toBe(usage.total_tokens)
    const { usage: embedded } = await server.client.embeddings.create({ model, input: [ask.query, ...documents] })
    expect(usage.total_tokens).toBe(embedded.total_tokens)
  })

  test('a score is (1 + cosine) / 2', async () => {
    const { results } = await ranked(server, '/v1/rerank', { model, query: 'flour', documents })
    const [query, ...vectors] = await embed(['flour', ...documents])
    for (const { index, relevance_score: score } of results) {
      expect(score).toBeCloseTo((1 + dot(query, vectors[index])) / 2, 4)
    }
  })

  test("Jina's shape: documents as objects, and back on request; top_n cuts the list", async () => {
    const asObjects = documents.map((text) => ({ text }))
    const ask = { model, query: 'What is inference?', documents: asObjects, return_documents: true, top_n: 2 }
    const { results, usage } = await ranked(server, '/v1/rerank', ask)
    expect(results).toHaveLength(2)
    expect(results[0]).toMatchObject({ index: 1, document: { text: 'What is inference?' } })
    expect(await latestRow(server)).toMatchObject({
      dialect: 'rerank',
      prompt_tokens: usage.prompt_tokens,
      output_tokens: 0,
    })
  })

  test('max_tokens_per_doc cuts documents, as it was asked to', async () => {
    const long = ['What is inference?' + ' word'.repeat(300), 'short']
    const whole = await ranked(server, '/v2/rerank', { model, query: 'a', documents: long })
    const cut = await ranked(server, '/v2/rerank', { model, query: 'a', documents: long, max_tokens_per_doc: 5 })
    expect(whole.usage.total_tokens - cut.usage.total_tokens).toBeGreaterThan(200)
  })

  test.each([
    ['no query', { documents }, 'missing_parameter', 'query'],
    ['no documents', { query: 'a', documents: [] }, 'invalid_value', 'documents'],
    ['an empty document', { query: 'a', documents: ['a', ''] }, 'invalid_value', 'documents[1]'],
    ['a document that is none', { query: 'a', documents: ['a', 1] }, 'invalid_value', 'documents[1]'],
    ['no results', { query: 'a', documents, top_n: 0 }, 'invalid_value', 'top_n'],
    [
      'a document that is too long',
      { query: 'a', documents: ['a', 'word '.repeat(3000)] },
      'context_length_exceeded',
      'documents[1]',
    ],
    ['a query that is too long', { query: 'word '.repeat(3000), documents }, 'context_length_exceeded', 'query'],
  ])('%s is refused by name', async (_, body, code, param) => {
    const answer = await server.post('/v1/rerank', { model, ...body })
    expect(await answer.json()).toMatchObject({ error: { code, param } })
    expect(answer.status).toBe(400)
  })
})

describe('models made for it', () => {
  let models: TestServer
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inferloom-test-'))
    writeRandomModel({ ...tinyModel, type: 'F32' }, join(folder, 'generates.gguf'))
    const pooling = { mean: 1, cls: 2, scores: 4 }
    for (const [name, value] of Object.entries(pooling)) {
      writeRandomBert({ ...tinyBert, pooling: value, type: 'F32' }, join(folder, `${name}.gguf`))
    }
    const file = join(folder, 'inferloom.yaml')
    writeFileSync(
      file,
      JSON.stringify({
        models: Object.fromEntries(
          [...Object.keys(pooling), 'generates'].map((name) => [name, { file: `${name}.gguf` }]),
        ),
      }),
    )
    models = await startTestServer({ INFERLOOM_BUILTIN: 'false' }, file)
    return async () => {
      await models.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test.each(['mean', 'cls', 'generates'])('%s: one text among 100 has the vector it has alone', async (name) => {
    const together = await embed(texts, models, name)
    const [alone] = await embed(texts[37] ?? '', models, name)
    expect(distance(together[37], alone)).toBeLessThan(1e-4)
    expect(distance(together[37], together[38])).toBeGreaterThan(1e-2)
    expect(dot(alone, alone)).toBeCloseTo(1, 5)
  })

  test('every token of its context can be used, and not one more', async () => {
    const input = Array.from({ length: tinyBert.contextTokens }, (_, index) => 5 + (index % 90))
    const { usage } = await models.client.embeddings.create({ model: 'mean', input })
    expect(usage.prompt_tokens).toBe(tinyBert.contextTokens)
    await expect(models.client.embeddings.create({ model: 'mean', input: [...input, 5] })).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input',
    })
  })

  test('a model that scores pairs ranks, the same alone and among many, and has no embeddings', async () => {
    const many = Array.from({ length: 80 }, (_, index) => `${texts[index]}`)
    const all = await ranked(models, '/v1/rerank', { model: 'scores', query: 'what?', documents: many })
    expect(all.results).toHaveLength(80)
    const best = all.results[0]
    const alone = await ranked(models, '/v1/rerank', {
      model: 'scores',
      query: 'what?',
      documents: [many[best?.index ?? 0]],
    })
    expect(alone.results[0]?.relevance_score).toBeCloseTo(best?.relevance_score ?? 0, 4)
    const scores = all.results.map((result) => result.relevance_score)
    expect(new Set(scores).size).toBeGreaterThan(10)
    for (const score of scores) expect(score > 0 && score < 1).toBe(true)
    // Another query is another pair.
    const other = await ranked(models, '/v1/rerank', {
      model: 'scores',
      query: 'zebra crossing',
      documents: many.slice(0, 1),
    })
    expect(other.results[0]?.relevance_score).not.toBeCloseTo(
      all.results.find(({ index }) => index === 0)?.relevance_score ?? 0,
      6,
    )
    // [CLS] query [SEP] document [SEP] in WordPiece of single characters.
    const counted = await ranked(models, '/v1/rerank', { model: 'scores', query: 'ab', documents: ['cde'] })
    expect(counted.usage.total_tokens).toBe(1 + 2 + 1 + 3 + 1)
    await expect(embed('a', models, 'scores')).rejects.toMatchObject({ status: 400, param: 'model' })
  })

  test('none of them generates, and says so', async () => {
    const answer = await models.post('/v1/completions', { model: 'mean', prompt: 'a' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: { param: 'model', message: expect.stringContaining('embeds') as string },
    })
  })
})
