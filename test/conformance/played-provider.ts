// A real HTTP server that plays any provider: it answers as the address it is asked at says, like a small model would.
import { playedMessages } from '../fixtures/anthropic-messages.ts'
import { playedConverse } from '../fixtures/bedrock-converse.ts'
import { playedCohere } from '../fixtures/cohere-chat.ts'
import { playedGemini } from '../fixtures/gemini.ts'
import { playedChat } from '../fixtures/openai-chat.ts'
import { playedCompletions } from '../fixtures/openai-completions.ts'
import { playedResponses } from '../fixtures/openai-responses.ts'
import { play, playedScore, playedVector, type PlayedWire } from '../fixtures/played-answer.ts'
import { json, type AskedOfUpstream, type UpstreamAnswer } from '../upstream-fixture.ts'
import { framed, wireNames, wirePaths, type WireName } from './wire-framing.ts'

export const playedWires: Readonly<Record<WireName, PlayedWire>> = {
  'openai-chat': playedChat,
  'openai-completions': playedCompletions,
  'openai-responses': playedResponses,
  'anthropic-messages': playedMessages,
  gemini: playedGemini,
  'bedrock-converse': playedConverse,
  'cohere-chat': playedCohere,
}

type Fields = Readonly<Record<string, unknown>>

/** What is asked for beside answers of a model, by the end of its address. */
const others: readonly (readonly [path: RegExp, answer: (body: Fields) => object])[] = [
  // https://platform.openai.com/docs/api-reference/embeddings
  [/\/embeddings$/, openaiVectors],
  // https://ai.google.dev/api/embeddings#v1beta.BatchEmbedContentsResponse
  [
    /:batchEmbedContents$/,
    ({ requests }) => {
      const texts = (requests as { content: { parts: { text: string }[] } }[]).map(
        ({ content }) => content.parts[0]?.text ?? '',
      )
      return {
        embeddings: texts.map((text) => ({ values: playedVector(text) })),
        usageMetadata: { promptTokenCount: counted(texts) },
      }
    },
  ],
  // https://docs.cohere.com/reference/embed
  [
    /\/v2\/embed$/,
    ({ texts }) => ({
      embeddings: { float: (texts as string[]).map(playedVector) },
      meta: { billed_units: { input_tokens: counted(texts as string[]) } },
    }),
  ],
  // https://docs.cohere.com/reference/rerank
  [/\/v2\/rerank$/, playedRanking],
  // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
  [
    /titan-embed[^/]*\/invoke$/,
    ({ inputText: text }) => ({
      embedding: playedVector(text as string),
      inputTextTokenCount: counted([text as string]),
    }),
  ],
  // https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-use.html
  [/cohere\.rerank[^/]*\/invoke$/, playedRanking],
  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
  [
    /:predict$/,
    ({ instances }) => ({
      predictions: (instances as { content: string }[]).map(({ content }) => ({
        embeddings: { values: playedVector(content), statistics: { token_count: counted([content]) } },
      })),
    }),
  ],
  // https://platform.claude.com/docs/en/api/messages-count-tokens
  [/\/count_tokens$/, ({ messages }) => ({ input_tokens: counted([JSON.stringify(messages)]) })],
  // https://ai.google.dev/api/tokens#method:-models.counttokens
  [/:countTokens$/, (body) => ({ totalTokens: counted([JSON.stringify(body)]) })],
]

function playedRanking({ query, documents, top_n: topN }: Fields): object {
  return {
    id: 'r1',
    meta: { billed_units: { search_units: 1 } },
    results: (documents as string[])
      .map((document, index) => ({ index, relevance_score: playedScore(query as string, document) }))
      .toSorted((a, b) => b.relevance_score - a.relevance_score)
      .slice(0, topN as number | undefined),
  }
}

function openaiVectors({ input, encoding_format: format }: Fields): object {
  const inputs = typeof input === 'string' ? [input] : (input as string[])
  const data = inputs.map((text, index) => {
    const vector = playedVector(text)
    const bytes = Buffer.from(Float32Array.from(vector).buffer)
    return { object: 'embedding', index, embedding: format === 'base64' ? bytes.toString('base64') : vector }
  })
  return { object: 'list', data, usage: { prompt_tokens: counted(inputs), total_tokens: counted(inputs) } }
}

function counted(texts: readonly string[]): number {
  return texts.join(' ').split(/\W+/).length
}

export function playProvider({ method, path, body }: AskedOfUpstream): UpstreamAnswer {
  // Lists of models that are asked for elsewhere than at OpenAI.
  if (method === 'GET') return json({ data: [], models: [] })
  const given = JSON.parse(body) as Fields
  const other = others.find(([at]) => at.test(path))
  if (other) return json(other[1](given))
  const wire = wireNames.find((each) => wirePaths[each].test(path))
  if (!wire) return json({ error: { message: `nothing is played at ${path}` } }, 404)
  const asked = playedWires[wire].ask(given, path)
  const answer = play(asked)
  if (!asked.stream) return json(playedWires[wire].whole(answer))
  // In several pieces, so that there is a middle in which a request can be left.
  return { ...framed(wire, playedWires[wire].stream(answer)), cut: [150] }
}
