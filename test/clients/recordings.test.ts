// What providers really answered, read by the clients that OpenAI, Anthropic and Google give out.
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectedOf, waysTo, type Way } from '../conformance/crossings.ts'
import { dialectAsks, type DialectAsk, type DialectName } from '../conformance/dialect-asks.ts'
import { anthropicMessages } from '../conformance/reading/anthropic-messages.ts'
import { gemini } from '../conformance/reading/gemini.ts'
import { openaiChat } from '../conformance/reading/openai-chat.ts'
import { openaiCompletions } from '../conformance/reading/openai-completions.ts'
import { openaiResponses } from '../conformance/reading/openai-responses.ts'
import type { Said } from '../conformance/reading/said.ts'
import { playRecording, recordedAnswers, recordedProviders } from '../conformance/recorded-upstream.ts'
import { openWithProviders } from '../provider-fixture.ts'
import type { TestServer } from '../server-fixture.ts'
import { openUpstream } from '../upstream-fixture.ts'

let server: TestServer
let upstream: Awaited<ReturnType<typeof openUpstream>>
beforeAll(async () => {
  upstream = await openUpstream(playRecording)
  server = await openWithProviders(recordedProviders(upstream.url))
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const openai = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
const anthropic = () => new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
const google = () => new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: server.url } })

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const pieces: T[] = []
  for await (const piece of stream) pieces.push(piece)
  return pieces
}

/** Bodies are those of each wire, which its client takes as they are. */
const clients: Readonly<Record<DialectName, (body: never, stream: boolean, model: string) => Promise<Said>>> = {
  'openai-chat': async (body: OpenAI.ChatCompletionCreateParamsNonStreaming, stream) => {
    const { completions } = openai().chat
    if (!stream) return openaiChat.whole(await completions.create(body))
    return openaiChat.stream(await all(await completions.create({ ...body, stream })))
  },
  'openai-completions': async (body: OpenAI.CompletionCreateParamsNonStreaming, stream) => {
    const { completions } = openai()
    if (!stream) return openaiCompletions.whole(await completions.create(body))
    return openaiCompletions.stream(await all(await completions.create({ ...body, stream })))
  },
  'openai-responses': async (body: OpenAI.Responses.ResponseCreateParamsNonStreaming, stream) => {
    const { responses } = openai()
    if (!stream) return openaiResponses.whole(await responses.create(body))
    return openaiResponses.stream(await all(await responses.create({ ...body, stream })))
  },
  'anthropic-messages': async (body: Anthropic.MessageCreateParamsNonStreaming, stream) => {
    const { messages } = anthropic()
    if (!stream) return anthropicMessages.whole(await messages.create(body))
    return anthropicMessages.whole(await messages.stream({ ...body, stream }).finalMessage())
  },
  gemini: async (body: { contents: string; generationConfig: object; tools?: [] }, stream, model) => {
    const { contents, generationConfig, tools } = body
    const asking = { model, contents, config: { ...generationConfig, ...(tools && { tools }) } }
    const { models } = google()
    if (!stream) return gemini.whole(await models.generateContent(asking))
    return gemini.stream(await all(await models.generateContentStream(asking)))
  },
}

async function asked(dialect: DialectAsk, name: DialectName, { recorded, stream }: Way): Promise<Said> {
  const { provider, said, wire } = recorded
  const model = `${provider}/${recorded.model}`
  const { body } = dialect.request({
    model,
    stream,
    tools: [...new Set(said.calls.map((call) => call.name))],
    logprobs: said.logprobs.length > 0 && wire !== 'anthropic-messages',
    thoughts: said.reasoning !== '',
    translated: false,
    keptId: '',
  })
  return clients[name](body as never, stream, model)
}

const names = Object.keys(dialectAsks) as DialectName[]

describe.skipIf(recordedAnswers.length === 0).for(names)('%s', (name) => {
  const dialect: DialectAsk = dialectAsks[name]
  // A client cannot make its requests such that they are translated although its provider speaks the same.
  const ways = recordedAnswers
    .flatMap((recorded) => waysTo(dialect, recorded))
    .filter(({ recorded, lane }) => lane === 'passed on' || !recorded.relays.includes(name))
  test.for(ways)('$lane, $recorded.provider $recorded.model, asked for as a stream: $stream', async (way) => {
    expect(await asked(dialect, name, way)).toEqual(expectedOf(dialect, way))
  })
})
