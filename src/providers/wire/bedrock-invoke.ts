// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html: Converse only talks, so that
// models that embed or rank are asked in the words of those who made them.
import { z } from 'zod'
import type { EmbedRequest } from '../../canonical/embed.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { converseRefusal } from './bedrock-converse-refusal.ts'
import { cohereRerank } from './cohere-rerank.ts'
import { coherePurposes, purposeWord } from './embed-purpose.ts'
import { checked } from './read-json.ts'
import { unitVector } from './unit-vector.ts'
import { unsupported } from './unsupported.ts'
import type { EmbedWire, RerankWire, WireRequest } from './wire.ts'

/** Of a model as it is, or of one that a profile routes to between regions: `eu.cohere.embed-v4:0`. */
const titan = /(^|[.:/])amazon\.titan-embed-text-/
const titanFirst = /amazon\.titan-embed-text-v1/
const cohere = /(^|[.:/])cohere\.embed-/
const cohereThird = /cohere\.embed-[a-z]+-v3/
const cohereRanks = /(^|[.:/])cohere\.rerank-/

const tokensHeader = 'x-amzn-bedrock-input-token-count'

export const bedrockEmbed: EmbedWire = {
  // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html: texts per call
  most: (model) => (cohere.test(model) ? 96 : 1),
  request(request, { provider }) {
    if (titan.test(request.model)) return titanRequest(request, provider)
    if (cohere.test(request.model)) return cohereRequest(request, provider)
    throw unsupported('embeddings of this model', provider, "ask one of Amazon's Titan or of Cohere's")
  },
  result(body, request, headers = {}) {
    const { embeddings, inputTokenCount } = titan.test(request.model) ? titanResult(body) : cohereResult(body)
    if (embeddings.length !== request.inputs.length) {
      const message = `The provider sent ${embeddings.length} vectors for ${request.inputs.length} inputs.`
      throw new InferloomError('provider_invalid_reply', message)
    }
    return { embeddings: embeddings.map(unitVector), inputTokens: inputTokenCount ?? tokensIn(headers) }
  },
  refusal: converseRefusal,
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html */
function titanRequest(request: EmbedRequest, provider: string): WireRequest {
  purposeWord(request, {}, provider)
  const { model, dimensions } = request
  const [inputText] = textsOf(request, provider)
  if (titanFirst.test(model) && dimensions !== undefined) throw unsupported('dimensions', provider)
  return invoke(model, { inputText, ...(dimensions !== undefined && { dimensions }) })
}

const titanReply = z.object({ embedding: z.array(z.number()), inputTextTokenCount: z.number().min(0).optional() })

function titanResult(body: unknown): Found {
  const { embedding, inputTextTokenCount } = checked(titanReply, body)
  return { embeddings: [embedding], inputTokenCount: inputTextTokenCount }
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html */
function cohereRequest(request: EmbedRequest, provider: string): WireRequest {
  const { model, dimensions } = request
  if (cohereThird.test(model) && dimensions !== undefined) throw unsupported('dimensions', provider)
  return invoke(model, {
    texts: textsOf(request, provider),
    // As Cohere's own API is asked.
    input_type: purposeWord(request, coherePurposes, provider) ?? 'search_document',
    embedding_types: ['float'],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    truncate: 'NONE',
  })
}

const vectors = z.array(z.array(z.number()))
/** By type where types were asked for; the third version may still answer with a list of vectors. */
const cohereReply = z.object({ embeddings: z.union([vectors, z.object({ float: vectors })]) })

interface Found {
  readonly embeddings: readonly number[][]
  readonly inputTokenCount: number | undefined
}

function cohereResult(body: unknown): Found {
  const { embeddings } = checked(cohereReply, body)
  return { embeddings: Array.isArray(embeddings) ? embeddings : embeddings.float, inputTokenCount: undefined }
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-use.html */
export const bedrockRerank: RerankWire = {
  request({ model, query, documents, topN, documentTokens }, { provider }) {
    if (!cohereRanks.test(model)) throw unsupported('rankings of this model', provider, "ask one of Cohere's")
    if (documentTokens !== undefined) throw unsupported('max_tokens_per_doc', provider)
    // It refuses the first version, which is what an absent one means: https://github.com/cohere-ai/cohere-python/issues/613
    return invoke(model, { api_version: 2, query, documents, ...(topN !== undefined && { top_n: topN }) })
  },
  result: (body, request) => cohereRerank.result(body, request),
  refusal: converseRefusal,
}

function invoke(model: string, body: object): WireRequest {
  return { path: `/model/${encodeURIComponent(model)}/invoke`, body: JSON.stringify(body) }
}

function textsOf({ inputs }: EmbedRequest, provider: string): readonly string[] {
  return inputs.map((input, index) => {
    if (typeof input === 'string') return input
    throw unsupported(`input[${index}] as token ids`, provider, 'send its text')
  })
}

function tokensIn({ [tokensHeader]: tokens = '' }: Readonly<Record<string, string>>): number {
  return /^\d{1,9}$/.test(tokens) ? Number(tokens) : 0
}
