// https://ai.google.dev/api/embeddings
import { z } from 'zod'
import type { EmbedPurpose, EmbedRequest, EmbedResult } from '../../canonical/embed.ts'
import { InferloomError } from '../../canonical/errors.ts'
import { camelCased } from '../gemini/camel-case.ts'
import { errorBody } from '../gemini/error-body.ts'
import { plainModel } from '../gemini/models.ts'
import type { OneShotDialect } from '../one-shot.ts'
import { checkBody, text, unknownParameter } from '../parse-body.ts'

/** OpenAI's bound for one request, which is beyond Google's. */
const mostInputs = 2048

const purposes = {
  RETRIEVAL_QUERY: 'query',
  RETRIEVAL_DOCUMENT: 'document',
  SEMANTIC_SIMILARITY: 'similarity',
  CLASSIFICATION: 'classification',
  CLUSTERING: 'clustering',
  QUESTION_ANSWERING: 'question',
  FACT_VERIFICATION: 'fact-check',
  CODE_RETRIEVAL_QUERY: 'code-query',
} as const satisfies Record<string, EmbedPurpose>
type TaskType = keyof typeof purposes
const taskTypes = Object.keys(purposes) as TaskType[]

const embedding = {
  content: z.strictObject({
    role: z.string().optional(),
    parts: z.array(z.strictObject({ text })).min(1, 'needs at least one part'),
  }),
  // The path says it too.
  model: z.string().optional(),
  outputDimensionality: z.int().min(1).optional(),
  taskType: z.enum(['TASK_TYPE_UNSPECIFIED', ...taskTypes]).optional(),
}

const one = z.object(embedding)
const batch = z.object({ requests: z.array(z.strictObject(embedding)).min(1).max(mostInputs) })

const paths = (method: string) => ['v1beta', 'v1'].map((version) => `/${version}/models/*:${method}`)

export const geminiEmbed: OneShotDialect<EmbedRequest, EmbedResult> = {
  name: 'gemini-embeddings',
  paths: paths('embedContent'),
  parse(body, { model = '' }) {
    const parsed = checkBody(one, camelCased(body), refuse)
    return {
      request: { model: plainModel(model), inputs: [textOf(parsed.content, 'content')], ...optionsOf(parsed) },
      write: (_id, { embeddings: [vector], inputTokens }) =>
        JSON.stringify({ embedding: { values: valuesOf(vector) }, usageMetadata: { promptTokenCount: inputTokens } }),
    }
  },
  errorBody,
}

export const geminiBatchEmbed: OneShotDialect<EmbedRequest, EmbedResult> = {
  name: 'gemini-embeddings',
  paths: paths('batchEmbedContents'),
  parse(body, { model: named = '' }) {
    const { requests } = checkBody(batch, camelCased(body), refuse)
    const model = plainModel(named)
    const [first] = requests
    requests.forEach((request, index) => {
      const at = `requests[${index}]`
      if (request.model !== undefined && plainModel(request.model) !== model) {
        throw invalid(`${at}.model`, 'is not the model of the address')
      }
      for (const field of ['outputDimensionality', 'taskType'] as const) {
        if (request[field] !== first?.[field]) throw invalid(`${at}.${field}`, 'is not that of requests[0]')
      }
    })
    const inputs = requests.map(({ content }, index) => textOf(content, `requests[${index}].content`))
    return {
      request: { model, inputs, ...(first && optionsOf(first)) },
      write: (_id, { embeddings, inputTokens }) =>
        JSON.stringify({
          embeddings: embeddings.map((vector) => ({ values: valuesOf(vector) })),
          usageMetadata: { promptTokenCount: inputTokens },
        }),
    }
  },
  errorBody,
}

function refuse(name: string): void {
  throw unknownParameter(name)
}

function optionsOf({
  outputDimensionality: dimensions,
  taskType: task,
}: z.infer<typeof one>): Pick<EmbedRequest, 'dimensions' | 'purpose'> {
  return {
    ...(dimensions !== undefined && { dimensions }),
    ...(task !== undefined && task !== 'TASK_TYPE_UNSPECIFIED' && { purpose: purposes[task] }),
  }
}

function textOf({ parts }: z.infer<typeof one>['content'], at: string): string {
  const words = parts.map((part) => part.text).join('')
  if (words === '') throw invalid(at, 'is empty')
  return words
}

function valuesOf(vector: Float32Array | undefined): number[] {
  return Array.from(vector ?? [])
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
