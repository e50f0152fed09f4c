// https://platform.openai.com/docs/api-reference/embeddings/create
import { z } from 'zod'
import type { EmbedPurpose, EmbedRequest, EmbedResult } from '../../canonical/embed.ts'
import { InferloomError } from '../../canonical/errors.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { parseBody } from '../openai/parameters.ts'
import { embeddingsBody } from './render.ts'

/** OpenAI's own bound. */
const mostInputs = 2048
const largestToken = 2 ** 31 - 1

/** The words of Cohere, NVIDIA and Voyage, whose models make other vectors for each; OpenAI has no such field. */
const purposes = {
  query: 'query',
  search_query: 'query',
  document: 'document',
  passage: 'document',
  search_document: 'document',
  semantic_similarity: 'similarity',
  classification: 'classification',
  clustering: 'clustering',
} as const satisfies Record<string, EmbedPurpose>
const inputTypes = Object.keys(purposes) as (keyof typeof purposes)[]

const body = z.object({
  model: z.string().min(1),
  input: z.unknown(),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().min(1).optional(),
  input_type: z.enum(inputTypes).optional(),
})

export const openaiEmbeddings: OneShotDialect<EmbedRequest, EmbedResult> = {
  name: 'openai-embeddings',
  paths: ['/v1/embeddings'],
  parse(given) {
    const { model, input, encoding_format: encoding, dimensions, input_type: type } = parseBody(body, given)
    return {
      request: {
        model,
        inputs: inputsOf(input),
        ...(dimensions !== undefined && { dimensions }),
        ...(type !== undefined && { purpose: purposes[type] }),
      },
      write: (_id, result) => embeddingsBody(result, { model, encoding }),
    }
  },
}

/** Checked by hand: a union in a schema would try each alternative on every one of a long list's elements. */
function inputsOf(input: unknown): EmbedRequest['inputs'] {
  if (input === undefined) throw new InferloomError('missing_parameter', 'input is missing.', { param: 'input' })
  if (typeof input === 'string') return [textOf(input, 'input')]
  if (!Array.isArray(input) || input.length === 0)
    throw invalid('input', 'must be a text, token ids, or a list of them')
  const list: readonly unknown[] = input
  if (typeof list[0] === 'number') return [tokensOf(list, 'input')]
  if (list.length > mostInputs) throw invalid('input', `has ${list.length} elements; at most ${mostInputs} are allowed`)
  if (typeof list[0] === 'string') return list.map((each, index) => textOf(each, `input[${index}]`))
  return list.map((each, index) => tokensOf(each, `input[${index}]`))
}

function textOf(value: unknown, param: string): string {
  if (typeof value !== 'string') throw invalid(param, 'must be a text, as input[0] is')
  if (value === '') throw invalid(param, 'is empty')
  if (!value.isWellFormed()) throw invalid(param, 'contains a lone surrogate, which is not text')
  return value
}

function tokensOf(value: unknown, param: string): number[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid(param, 'must be a text or a list of token ids')
  const tokens: readonly unknown[] = value
  return tokens.map((token, index) => {
    if (typeof token === 'number' && Number.isInteger(token) && token >= 0 && token <= largestToken) return token
    throw invalid(`${param}[${index}]`, 'must be a token id, a whole number')
  })
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
