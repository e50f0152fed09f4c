// What providers really answered beside a model's words: refusals, in the shape of every dialect; vectors and rankings.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWithProviders } from '../provider-fixture.ts'
import { recordedReplies, recordedStreams } from '../recordings.ts'
import type { TestServer } from '../server-fixture.ts'
import { withoutCost } from '../told-cost.ts'
import { json, openUpstream, type AskedOfUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { dialectAsks, type DialectAsk } from './dialect-asks.ts'
import { errorReadings } from './reading/errors.ts'
import { payloadsOf } from './reading/said.ts'

let server: TestServer
let upstream: Awaited<ReturnType<typeof openUpstream>>
let answer: (request: AskedOfUpstream) => UpstreamAnswer
beforeAll(async () => {
  upstream = await openUpstream((request) => (request.method === 'GET' ? json({ data: [] }) : answer(request)))
  const settings = { key: 'k', baseUrl: upstream.url }
  // Each refusal is looked at by itself: nobody waits for what the one before it asked.
  const env = { INFERLOOM_PACING: 'false' }
  server = await openWithProviders({ openai: settings, google: settings, cohere: settings }, env)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const reply = (provider: string, name: string) =>
  recordedReplies(provider).find((each) => each.name === `${name}.json`)?.body
const dialects = Object.values<DialectAsk>(dialectAsks)

async function ask(dialect: DialectAsk, model: string, stream: boolean) {
  const wanted = { model, stream, tools: [], logprobs: false, thoughts: false, translated: false, keptId: '' }
  const { path, body } = dialect.request(wanted)
  const given = await server.post(path, body)
  return { status: given.status, headers: given.headers, text: await given.text() }
}

describe.skipIf(recordedReplies('google').length === 0)('recorded refusals', () => {
  test.for(dialects)('a quota of OpenAI’s that is used up, told on $name', async (dialect) => {
    answer = () => ({ ...json(reply('openai', 'openai-error.1')), status: 429 })
    for (const stream of [true, false]) {
      const { status, text } = await ask(dialect, 'openai/gpt', stream)
      expect(status).toBe(429)
      const told = errorReadings[dialect.name]?.(JSON.parse(text))
      expect(told).toMatchObject({ kind: 'quota' })
      expect(told?.message).toContain('exceeded your current quota')
    }
  })

  test.for(dialects.filter(({ name }) => name !== 'openai-completions'))(
    'a minute of Google’s that is full, with when to come back, told on $name',
    async (dialect) => {
      answer = () => ({ ...json(reply('google', 'google-429-retry-info')), status: 429 })
      for (const stream of [true, false]) {
        const { status, text, headers } = await ask(dialect, 'google/gemini', stream)
        expect([status, headers.get('retry-after')]).toEqual([429, '35'])
        expect(errorReadings[dialect.name]?.(JSON.parse(text))).toMatchObject({ kind: 'rate' })
      }
    },
  )

  // Chat and completions of OpenAI's are other wires, on which this was not recorded.
  test.for(dialects.filter(({ name }) => name !== 'openai-completions'))(
    'an answer of OpenAI’s that fails after it has begun, told on $name',
    async (dialect) => {
      const chunks = recordedStreams('openai').find(({ name }) => name === 'openai-error.1.chunks.txt')?.chunks ?? []
      const body = chunks.map((each) => `event: ${(JSON.parse(each) as { type: string }).type}\ndata: ${each}\n\n`)
      answer = () => ({ headers: { 'content-type': 'text/event-stream' }, body: body.join('') })
      const streamed = await ask(dialect, 'openai/codex', true)
      // Where nothing was written before the error, it can still have a status of its own.
      const told = streamed.status === 200 ? payloadsOf(streamed.text) : [JSON.parse(streamed.text) as unknown]
      const errors = told.flatMap((each) => errorReadings[dialect.name]?.(each) ?? [])
      expect(errors.at(-1)?.message).toContain('exceeded your current quota')
      if (dialect.name === 'openai-responses') return // passed on, where a whole answer is asked for as one
      const whole = await ask(dialect, 'openai/codex', false)
      expect(whole.status).toBe(429)
      expect(errorReadings[dialect.name]?.(JSON.parse(whole.text))).toMatchObject({ kind: 'quota' })
    },
  )
})

describe.skipIf(recordedReplies('cohere').length === 0)('recorded vectors and rankings', () => {
  const vectors = {
    openai: () =>
      (reply('openai', 'openai-embedding') as { data: { embedding: number[] }[] }).data.map((each) => each.embedding),
    cohere: () => (reply('cohere', 'cohere-embedding') as { embeddings: { float: number[][] } }).embeddings.float,
  }
  const tokens = { openai: 12, cohere: 10 }

  test.for(['openai', 'cohere'] as const)('vectors of %s, on OpenAI’s and on Google’s wire', async (provider) => {
    answer = () => json(reply(provider, `${provider}-embedding`))
    const recorded = vectors[provider]()
    // The recordings hold the beginnings of vectors, whose length is made 1 where they are translated.
    const unit = recorded.map((vector) => vector.map((each) => each / Math.hypot(...vector)))
    const near = (all: number[][]) => all.map((vector) => vector.map((each) => expect.closeTo(each, 5) as number))
    const model = `${provider}/embed`
    const openai = await server.post('/v1/embeddings', { model, input: ['a', 'b'], encoding_format: 'float' })
    const expected = near(provider === 'openai' ? recorded : unit)
    expect(await openai.json()).toMatchObject({
      data: expected.map((embedding, index) => ({ index, embedding })),
      usage: { prompt_tokens: tokens[provider], total_tokens: tokens[provider] },
    })
    const requests = ['a', 'b'].map((text) => ({ model: `models/${model}`, content: { parts: [{ text }] } }))
    const gemini = await server.post(`/v1beta/models/${model}:batchEmbedContents`, { requests })
    expect(await gemini.json()).toMatchObject({ embeddings: near(unit).map((values) => ({ values })) })
  })

  test('a ranking of Cohere’s', async () => {
    answer = () => json(reply('cohere', 'cohere-reranking.1'))
    const { results } = reply('cohere', 'cohere-reranking.1') as { results: object[] }
    for (const path of ['/v1/rerank', '/v2/rerank']) {
      const given = await server.post(path, { model: 'cohere/rerank', query: 'q', documents: ['a', 'b'] })
      expect(await given.json()).toMatchObject({ results })
    }
  })

  test('a transcription of OpenAI’s, which is passed on', async () => {
    const transcription = reply('openai', 'openai-transcription')
    answer = () => json(transcription)
    const form = new FormData()
    form.set('model', 'openai/whisper-1')
    form.set('file', new Blob(['sound']), 'a.wav')
    const given = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    expect(JSON.parse(withoutCost(await given.text()))).toEqual(transcription)
  })
})
