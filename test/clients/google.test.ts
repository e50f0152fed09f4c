// Gemini's wire as Google's own client speaks it, against a running server with the built-in model.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type, type GenerateContentResponse } from '@google/genai'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { GeminiWriter } from '../../src/dialects/gemini/render.ts'
import { gemini } from '../../src/providers/wire/gemini.ts'
import { recordedStreams } from '../recordings.ts'
import { engineOf, startTestServer, temporaryFolder, until, type TestServer } from '../server-fixture.ts'
import { json, sse, startUpstream } from '../upstream-fixture.ts'

let server: TestServer
let client: GoogleGenAI
beforeAll(async () => {
  server = await startTestServer()
  client = clientOf(server)
})
afterAll(() => server.close())

function clientOf({ url: baseUrl }: TestServer, apiKey = 'none'): GoogleGenAI {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl, retryOptions: { attempts: 1 } } })
}

const model = 'loom-mini'
const contents = 'What is inference?'
const config = { temperature: 0 }

const weather = {
  name: 'get_weather',
  description: 'Get the weather in a city',
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
}
const inParis = 'What is the weather in Paris?'

async function textOf(stream: AsyncIterable<GenerateContentResponse>): Promise<string> {
  let text = ''
  for await (const { text: piece } of stream) text += piece ?? ''
  return text
}

describe('one answer', () => {
  test('comes whole, with every field of a response', async () => {
    const response = await client.models.generateContent({ model, contents, config })
    expect(response.text).toMatch(/^Inference is/)
    expect(response.modelVersion).toBe(model)
    expect(response.responseId).toMatch(/^[\da-f]{32}$/)
    expect(response.candidates).toMatchObject([{ index: 0, finishReason: 'STOP', content: { role: 'model' } }])
    const { promptTokenCount = 0, candidatesTokenCount = 0, totalTokenCount } = response.usageMetadata ?? {}
    expect(promptTokenCount).toBeGreaterThan(0)
    expect(totalTokenCount).toBe(promptTokenCount + candidatesTokenCount)
  })

  test('streams what makes up the whole one', async () => {
    const whole = await client.models.generateContent({ model, contents, config })
    const chunks = await Array.fromAsync(await client.models.generateContentStream({ model, contents, config }))
    expect(chunks.map(({ text }) => text ?? '').join('')).toBe(whole.text)
    expect(chunks.length).toBeGreaterThan(1)
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP')
    expect(chunks.at(-1)?.usageMetadata?.candidatesTokenCount).toBe(whole.usageMetadata?.candidatesTokenCount)
    for (const { candidates } of chunks.slice(0, -1)) expect(candidates?.[0]?.finishReason).toBeUndefined()
  })

  test('streams as one list where no events are asked for', async () => {
    const body = { contents: [{ parts: [{ text: contents }] }], generation_config: { temperature: 0 } }
    const reply = await server.post(`/v1beta/models/${model}:streamGenerateContent`, body)
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const list = (await reply.json()) as GenerateContentResponse[]
    const text = list.map(({ candidates }) => candidates?.[0]?.content?.parts?.[0]?.text ?? '').join('')
    expect(text).toMatch(/^Inference is/)
    expect(list.at(-1)?.usageMetadata).toBeDefined()
  })

  test('keeps to its length, its stop sequences, its candidates and its instructions', async () => {
    const short = await client.models.generateContent({ model, contents, config: { ...config, maxOutputTokens: 3 } })
    expect(short.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
    expect(short.usageMetadata?.candidatesTokenCount).toBe(3)
    const stopped = await client.models.generateContent({
      model,
      contents,
      config: { ...config, stopSequences: [' is'] },
    })
    expect(stopped.text).toBe('Inference')
    const seeded = { candidateCount: 2, maxOutputTokens: 4, temperature: 1.5, seed: -7 }
    const both = await client.models.generateContent({ model, contents, config: seeded })
    expect(both.candidates?.map(({ index }) => index)).toEqual([0, 1])
    expect(await client.models.generateContent({ model, contents, config: seeded })).toMatchObject({
      candidates: both.candidates,
    })
    const instructed = await client.models.generateContent({
      model,
      contents,
      config: { ...config, maxOutputTokens: 1, systemInstruction: 'Answer in one word.' },
    })
    const bare = await client.models.generateContent({ model, contents, config: { ...config, maxOutputTokens: 1 } })
    expect(instructed.usageMetadata?.promptTokenCount).toBeGreaterThan(bare.usageMetadata?.promptTokenCount ?? 1e9)
  })

  test('tells the probabilities of its tokens', async () => {
    const asked = { ...config, maxOutputTokens: 2, responseLogprobs: true, logprobs: 3 }
    const { candidates } = await client.models.generateContent({ model, contents, config: asked })
    const { chosenCandidates, topCandidates } = candidates?.[0]?.logprobsResult ?? {}
    expect(chosenCandidates).toHaveLength(2)
    expect(topCandidates?.[0]?.candidates).toHaveLength(3)
    expect(chosenCandidates?.[0]).toEqual(topCandidates?.[0]?.candidates?.[0])
    expect(chosenCandidates?.[0]?.logProbability).toBeLessThanOrEqual(0)
  })

  test.each([
    ['responseSchema', { type: Type.OBJECT, properties: { n: { type: Type.INTEGER } }, required: ['n'] }],
    ['responseJsonSchema', { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }],
  ])('is JSON of a %s', async (field, schema) => {
    const asked = { ...config, responseMimeType: 'application/json', [field]: schema, maxOutputTokens: 60 }
    const response = await client.models.generateContent({ model, contents: 'Give me a number', config: asked })
    expect(Number.isInteger((JSON.parse(response.text ?? '') as { n: unknown }).n)).toBe(true)
  })

  test('is asked for by name with slashes, and under either version', async () => {
    const body = { contents: [{ parts: [{ text: contents }] }], generationConfig: { maxOutputTokens: 1 } }
    for (const version of ['v1', 'v1beta']) {
      expect((await server.post(`/${version}/models/${model}:generateContent`, body)).status).toBe(200)
    }
    for (const name of ['a/b/c:d', 'a%2Fb%2Fc%3Ad']) {
      const reply = await server.post(`/v1beta/models/${name}:generateContent`, body)
      expect(await reply.json()).toMatchObject({
        error: { code: 404, status: 'NOT_FOUND', message: expect.stringContaining("'a/b/c:d'") },
      })
    }
  })
})

describe('tools', () => {
  const tools = [{ functionDeclarations: [weather] }]

  test('are called, and their results are read', async () => {
    const chat = client.chats.create({ model, config: { ...config, tools } })
    const first = await chat.sendMessage({ message: inParis })
    const [call] = first.functionCalls ?? []
    expect(call).toMatchObject({ name: 'get_weather', args: { city: 'Paris' } })
    expect(call?.id).toBeTruthy()
    const functionResponse = { id: call?.id ?? '', name: 'get_weather', response: { output: 'Sunny, 20 degrees' } }
    const second = await chat.sendMessage({ message: [{ functionResponse }] })
    expect(second.text).not.toBe('')
    expect(second.functionCalls).toBeUndefined()
  })

  test('are called whole in a stream', async () => {
    const asked = { ...config, tools, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } } }
    const stream = await client.models.generateContentStream({ model, contents: inParis, config: asked })
    const calls = (await Array.fromAsync(stream)).flatMap(({ functionCalls }) => functionCalls ?? [])
    expect(calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }])
  })

  test('are left alone where they are not to be called', async () => {
    const asked = { ...config, tools, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.NONE } } }
    const response = await client.models.generateContent({ model, contents: inParis, config: asked })
    expect(response.functionCalls).toBeUndefined()
  })
})

describe('beside answers', () => {
  test('prompts are counted as answers count them', async () => {
    const { totalTokens } = await client.models.countTokens({ model, contents })
    const answered = await client.models.generateContent({ model, contents, config: { maxOutputTokens: 1 } })
    expect(totalTokens).toBe(answered.usageMetadata?.promptTokenCount)
  })

  test('texts are embedded, alone and together', async () => {
    const { embeddings } = await client.models.embedContent({ model, contents: ['one', 'two'] })
    expect(embeddings).toHaveLength(2)
    const [first] = embeddings ?? []
    expect(Math.hypot(...(first?.values ?? []))).toBeCloseTo(1, 3)
    const alone = await server.post(`/v1beta/models/${model}:embedContent`, { content: { parts: [{ text: 'one' }] } })
    const { embedding } = (await alone.json()) as { embedding: { values: number[] } }
    embedding.values.forEach((value, index) => expect(value).toBeCloseTo(first?.values?.[index] ?? NaN, 3))
  })

  test('models are listed and described', async () => {
    const models = await Array.fromAsync(await client.models.list())
    expect(models.map(({ name }) => name)).toContain(`models/${model}`)
    expect(await client.models.get({ model })).toMatchObject({ name: `models/${model}`, displayName: model })
    await expect(client.models.get({ model: 'none' })).rejects.toMatchObject({ status: 404 })
  })
})

describe('what cannot be answered', () => {
  const ask = (more: object) => server.post(`/v1beta/models/${model}:generateContent`, { contents: said, ...more })
  const said = [{ parts: [{ text: 'Hi' }] }]

  test.each([
    [{ contents: [] }, 'contents'],
    [
      { contents: [{ parts: [{ text: 'a', inlineData: { mimeType: 'image/png', data: 'AAAA' } }] }] },
      'contents[0].parts[0]',
    ],
    [{ contents: [{ role: 'robot', parts: [] }] }, 'contents[0].role'],
    [{ contents: [{ parts: [{ executableCode: { code: '1' } }] }] }, 'contents[0].parts[0].executableCode'],
    [
      { contents: [{ parts: [{ functionResponse: { name: 'f', response: {} } }] }] },
      'contents[0].parts[0].functionResponse',
    ],
    [{ generationConfig: { temperature: 3 } }, 'generationConfig.temperature'],
    [{ generationConfig: { speechConfig: {} } }, 'generationConfig.speechConfig'],
    [
      { generationConfig: { responseSchema: { type: 'OBJEKT' }, responseMimeType: 'application/json' } },
      'generationConfig.responseSchema.type',
    ],
    [{ generationConfig: { topK: 1, top_k: 2 } }, 'generationConfig.top_k'],
    [{ tools: [{ googleSearch: {} }] }, 'tools[0].googleSearch'],
    [
      { safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_LOW_AND_ABOVE' }] },
      'safetySettings',
    ],
    [{ cachedContent: 'cachedContents/1' }, 'cachedContent'],
    [{ nonsense: 1 }, 'nonsense'],
  ])('%o is refused by its name', async (more, field) => {
    const reply = await ask(more)
    expect(reply.status).toBe(400)
    const { error } = (await reply.json()) as { error: { details: object[] } }
    expect(error).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' })
    expect(error.details).toContainEqual(
      expect.objectContaining({ fieldViolations: [expect.objectContaining({ field })] }),
    )
  })

  test('what is switched off asks for nothing', async () => {
    const safetySettings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }]
    const generationConfig = {
      maxOutputTokens: 1,
      responseModalities: ['TEXT'],
      thinkingConfig: { thinkingBudget: -1 },
    }
    expect((await ask({ safetySettings, generationConfig })).status).toBe(200)
  })

  test('errors are of the client’s own class', async () => {
    const asked = client.models.generateContent({ model: 'none', contents })
    await expect(asked).rejects.toBeInstanceOf(ApiError)
    await expect(asked).rejects.toMatchObject({ status: 404, message: expect.stringContaining('NOT_FOUND') })
    const unknown = await server.post(`/v1beta/models/${model}:predict`, {})
    expect(await unknown.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } })
  })

  test('keys come by header, and never in the address', async () => {
    const locked = await startTestServer({ INFERLOOM_KEYS: 'secret-key-of-the-test' })
    onTestFinished(() => locked.close())
    const asked = { model, contents, config: { maxOutputTokens: 1 } }
    expect((await clientOf(locked, 'secret-key-of-the-test').models.generateContent(asked)).candidates).toHaveLength(1)
    await expect(clientOf(locked, 'wrong').models.generateContent(asked)).rejects.toMatchObject({ status: 401 })
    const address = `/v1beta/models/${model}:generateContent?key=secret-key-of-the-test`
    const refused = await locked.post(address, { contents: said })
    expect(await refused.json()).toMatchObject({ error: { code: 401, status: 'UNAUTHENTICATED' } })
  })

  test('leaving in mid-stream frees the model', async () => {
    const leaving = new AbortController()
    const asked = { temperature: 1, maxOutputTokens: 900, abortSignal: leaving.signal, stopSequences: ['\u0000'] }
    const stream = await client.models.generateContentStream({ model, contents, config: asked })
    const read = async () => {
      for await (const _ of stream) leaving.abort()
    }
    await expect(read()).rejects.toThrow(/abort/i)
    await until('nothing runs', async () => (await engineOf(server)).outstanding === 0)
  })
})

describe('a provider', () => {
  const key = 'provider-key'

  async function through(kind: 'google' | 'openai', answer: Parameters<typeof startUpstream>[0]) {
    const upstream = await startUpstream(({ path, ...more }) =>
      path.includes('pageSize') ? json({ models: [] }) : answer({ path, ...more }),
    )
    const file = join(temporaryFolder(), 'inferloom.yaml')
    writeFileSync(file, `providers:\n  ${kind}:\n    key: ${key}\n    baseUrl: ${upstream.url}/v1beta\n`)
    const running = await startTestServer({}, file)
    onTestFinished(() => running.close())
    return { upstream, client: clientOf(running), running }
  }

  test('that speaks the same wire is given the client’s own bytes', async () => {
    const parts = [{ text: 'Hel' }, { text: 'lo' }]
    const chunks = parts.map((part, index) => ({
      candidates: [{ content: { parts: [part] }, ...(index === 1 && { finishReason: 'STOP' }) }],
      anything: { new: true },
    }))
    const { upstream, client } = await through('google', () => sse(chunks.map((each) => JSON.stringify(each))))
    const asked = { model: 'google/gemini-x', contents, config: { tools: [{ googleSearch: {} }] } }
    expect(await textOf(await client.models.generateContentStream(asked))).toBe('Hello')
    const { path, headers } = upstream.asked.at(-1) ?? {}
    expect(path).toBe('/v1beta/models/gemini-x:streamGenerateContent?alt=sse')
    expect(headers?.['x-goog-api-key']).toBe(key)
    expect(upstream.body()).toMatchObject({ tools: [{ googleSearch: {} }] })
  })

  test('that refuses is told of in this wire', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '76.4s' }]
    const error = { code: 429, message: 'Slow down', status: 'RESOURCE_EXHAUSTED', details }
    const { running } = await through('google', () => json({ error }, 429))
    const reply = await running.post('/v1beta/models/google/gemini-x:generateContent', {
      contents: [{ parts: [{ text: 'Hi' }] }],
    })
    expect(reply.status).toBe(429)
    expect(reply.headers.get('retry-after')).toBe('77')
    expect(await reply.json()).toMatchObject({ error: { status: 'RESOURCE_EXHAUSTED', code: 429 } })
  })

  const chunk = (delta: object, finish_reason: string | null = null) =>
    JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })

  test('that speaks another wire is translated, both ways', async () => {
    const call = (piece: object) => chunk({ tool_calls: [{ index: 0, ...piece }] })
    const { upstream, client } = await through('openai', () =>
      sse([
        call({ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"ci' } }),
        call({ function: { arguments: 'ty":"Paris"}' } }),
        chunk({}, 'tool_calls'),
        '[DONE]',
      ]),
    )
    const asked = { model: 'openai/gpt-x', contents: inParis, config: { tools: [{ functionDeclarations: [weather] }] } }
    const chunks = await Array.fromAsync(await client.models.generateContentStream(asked))
    expect(chunks.flatMap(({ functionCalls }) => functionCalls ?? [])).toEqual([
      { id: 'call_1', name: 'get_weather', args: { city: 'Paris' } },
    ])
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    expect(upstream.body()).toMatchObject({ tools: [{ function: { name: 'get_weather', parameters } }] })
  })

  test('of Google’s is translated for clients of another wire', async () => {
    const call = { functionCall: { name: 'get_weather', args: { city: 'Paris' } }, thoughtSignature: 'c2ln' }
    const candidates = [{ content: { parts: [{ text: 'Wait.' }, call] }, finishReason: 'STOP' }]
    const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 3, thoughtsTokenCount: 2 }
    const { upstream, running } = await through('google', () => sse([JSON.stringify({ candidates, usageMetadata })]))
    const answered = await running.client.chat.completions.create({
      model: 'google/gemini-2.5-flash',
      messages: [{ role: 'user', content: inParis }],
      reasoning_effort: 'low',
    })
    expect(answered.choices).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: {
          content: 'Wait.',
          tool_calls: [{ function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }],
        },
      },
    ])
    expect(answered.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 5 })
    expect(upstream.body()).toEqual({
      contents: [{ role: 'user', parts: [{ text: inParis }] }],
      generationConfig: { thinkingConfig: { thinkingBudget: 1024 } },
    })
  })

  test('that fails in mid-stream makes the client’s stream fail', async () => {
    const { client } = await through('openai', () => sse([chunk({ content: 'Hel' }), '{"error":{"message":"broken"}}']))
    let text = ''
    const read = async () => {
      for await (const piece of await client.models.generateContentStream({ model: 'openai/gpt-x', contents })) {
        text += piece.text ?? ''
      }
    }
    await expect(read()).rejects.toBeInstanceOf(ApiError)
    expect(text).toBe('Hel')
  })
})

const recordings = recordedStreams('google')
describe.skipIf(recordings.length === 0)('recorded answers, read and written again', () => {
  test.each(recordings.map(({ name, chunks }) => [name, chunks] as const))('%s', (_, chunks) => {
    const reader = gemini.reader()
    const events = [...chunks.flatMap((data) => reader.read({ data })), ...reader.end()]
    const recorded = chunks.map((chunk) => JSON.parse(chunk) as GenerateContentResponse)
    const writer = new GeminiWriter({ id: '1', model: 'm', sse: true, thoughts: true })
    const written = JSON.parse(writer.whole(events)) as GenerateContentResponse
    const summed = (responses: readonly GenerateContentResponse[]) => {
      const parts = responses.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
      return {
        text: parts.map(({ text = '' }) => text).join(''),
        calls: parts.flatMap(({ functionCall }) => (functionCall ? [[functionCall.name, functionCall.args]] : [])),
        seals: parts.flatMap(({ thoughtSignature }) => thoughtSignature ?? []),
        end: responses.at(-1)?.candidates?.[0]?.finishReason,
        model: responses.at(-1)?.modelVersion,
      }
    }
    expect(summed([written])).toEqual(summed(recorded))
    const { promptTokensDetails: _details, ...counts } = recorded.at(-1)?.usageMetadata ?? {}
    expect(written.usageMetadata).toEqual(counts)
  })
})
