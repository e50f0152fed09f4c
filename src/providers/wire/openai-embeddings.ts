// https://platform.openai.com/docs/api-reference/embeddings
import type { EmbedRequest, EmbedResult } from '../../canonical/embed.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { purposeWord, type PurposeWords } from './embed-purpose.ts'
import { countOf, isRecord, recordOf } from './fields.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { unitVector } from './unit-vector.ts'
import type { EmbedWire } from './wire.ts'

export interface EmbeddingsOptions {
  /** Whether vectors are asked for in base64, which is a quarter of the size; either form is understood. */
  readonly base64?: boolean
  /** Absent means `/embeddings`. */
  readonly path?: (model: string) => string
  /** What it calls the purposes of vectors in `input_type`, which OpenAI does not have. */
  readonly purposes?: PurposeWords
}

/** OpenAI's embeddings, as one provider speaks them. */
export function openaiEmbeddingsWire({
  base64 = false,
  path = () => '/embeddings',
  purposes = {},
}: EmbeddingsOptions = {}): EmbedWire {
  return {
    request(request, { provider }) {
      const { model, inputs, dimensions } = request
      const purpose = purposeWord(request, purposes, provider)
      const body = {
        model,
        input: inputs,
        encoding_format: base64 ? 'base64' : 'float',
        ...(dimensions !== undefined && { dimensions }),
        ...(purpose !== undefined && { input_type: purpose }),
      }
      return { path: path(model), body: JSON.stringify(body) }
    },
    result: embeddingsResult,
    refusal: openaiRefusal,
  }
}

function embeddingsResult(body: unknown, { inputs }: EmbedRequest): EmbedResult {
  const data = isRecord(body) ? body['data'] : undefined
  if (!Array.isArray(data) || data.length !== inputs.length) {
    const count = Array.isArray(data) ? data.length : 'no'
    throw invalid(`${count} vectors for ${inputs.length} inputs`)
  }
  const embeddings: Float32Array[] = []
  for (const [position, each] of data.map(recordOf).entries()) {
    const index = countOf(each['index']) ?? position
    if (!Number.isInteger(index) || index >= inputs.length || embeddings[index])
      throw invalid(`a vector with index ${index}`)
    // Shortened ones of some models are not of length 1: https://platform.openai.com/docs/guides/embeddings
    embeddings[index] = unitVector(vectorOf(each['embedding']))
  }
  const usage = recordOf(recordOf(body)['usage'])
  return { embeddings, inputTokens: countOf(usage['prompt_tokens']) ?? countOf(usage['total_tokens']) ?? 0 }
}

function vectorOf(value: unknown): Float32Array {
  if (typeof value === 'string') return littleEndian(Buffer.from(value, 'base64'))
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number'))
    return Float32Array.from(value)
  throw invalid('something that is no vector')
}

function littleEndian(bytes: Buffer): Float32Array {
  if (bytes.length === 0 || bytes.length % 4 !== 0) throw invalid('a vector that is cut')
  const vector = new Float32Array(bytes.length / 4)
  for (let index = 0; index < vector.length; index++) vector[index] = bytes.readFloatLE(index * 4)
  return vector
}

function invalid(what: string): InferloomError {
  return new InferloomError('provider_invalid_reply', `The provider sent ${what}.`)
}
