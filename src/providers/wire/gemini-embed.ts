// https://ai.google.dev/api/embeddings
import { z } from 'zod'
import type { EmbedRequest } from '../../canonical/embed.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { googlePurposes, purposeWord } from './embed-purpose.ts'
import { geminiRefusal } from './gemini-refusal.ts'
import { geminiPath } from './gemini-request.ts'
import { checked } from './read-json.ts'
import { unitVector } from './unit-vector.ts'
import { unsupported } from './unsupported.ts'
import type { EmbedWire } from './wire.ts'

const count = z.number().min(0).nullish()
const vector = z.array(z.number())

const batchReply = z.object({
  embeddings: z.array(z.object({ values: vector })),
  usageMetadata: z.object({ promptTokenCount: count }).nullish(),
})

/** The Gemini API's: each text is a request of its own in one batch. */
export const geminiEmbed: EmbedWire = {
  // It answers a longer batch with: at most 100 requests can be in one batch.
  most: () => 100,
  request(request, { provider }) {
    const taskType = purposeOf(request, provider)
    const path = geminiPath(request.model, 'batchEmbedContents')
    const model = path.slice('/'.length, path.lastIndexOf(':'))
    const requests = textsOf(request, provider).map((text) => ({
      model: decodeURIComponent(model),
      content: { parts: [{ text }] },
      ...(taskType !== undefined && { taskType }),
      ...(request.dimensions !== undefined && { outputDimensionality: request.dimensions }),
    }))
    return { path, body: JSON.stringify({ requests }) }
  },
  result(body, request) {
    const { embeddings, usageMetadata } = checked(batchReply, body)
    // Vectors that were shortened are not of length 1: https://ai.google.dev/gemini-api/docs/embeddings
    const vectors = embeddings.map(({ values }) => unitVector(values))
    return { embeddings: oneEach(vectors, request), inputTokens: usageMetadata?.promptTokenCount ?? 0 }
  },
  refusal: geminiRefusal,
}

const predictReply = z.object({
  predictions: z.array(
    z.object({ embeddings: z.object({ values: vector, statistics: z.object({ token_count: count }).nullish() }) }),
  ),
})

/** Vertex AI's: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export const vertexEmbed: EmbedWire = {
  // Models of Gemini take a single text, others 250.
  most: (model) => (isGemini(model) ? 1 : 250),
  request(request, { provider }) {
    const task = purposeOf(request, provider)
    const instances = textsOf(request, provider).map((content) => ({
      content,
      ...(task !== undefined && { task_type: task }),
    }))
    const { dimensions } = request
    // Its own default cuts what is too long, and says nothing.
    const parameters = { autoTruncate: false, ...(dimensions !== undefined && { outputDimensionality: dimensions }) }
    return { path: geminiPath(request.model, 'predict'), body: JSON.stringify({ instances, parameters }) }
  },
  result(body, request) {
    const found = checked(predictReply, body).predictions.map(({ embeddings }) => embeddings)
    const counts = found.map(({ statistics }) => statistics?.token_count ?? 0)
    const vectors = found.map(({ values }) => unitVector(values))
    return { embeddings: oneEach(vectors, request), inputTokens: counts.reduce((sum, each) => sum + each, 0) }
  },
  refusal: geminiRefusal,
}

function isGemini(model: string): boolean {
  return model.startsWith('gemini-embedding')
}

/** From the second version on the text itself says what it is for: https://ai.google.dev/gemini-api/docs/embeddings */
function purposeOf(request: EmbedRequest, provider: string): string | undefined {
  const said = isGemini(request.model) && !request.model.startsWith('gemini-embedding-001')
  return purposeWord(request, said ? {} : googlePurposes, provider)
}

function textsOf({ inputs }: EmbedRequest, provider: string): readonly string[] {
  return inputs.map((input, index) => {
    if (typeof input === 'string') return input
    throw unsupported(`input[${index}] as token ids`, provider, 'send its text')
  })
}

function oneEach(vectors: readonly Float32Array[], { inputs }: EmbedRequest): readonly Float32Array[] {
  if (vectors.length === inputs.length) return vectors
  const message = `The provider sent ${vectors.length} vectors for ${inputs.length} inputs.`
  throw new InferloomError('provider_invalid_reply', message)
}
