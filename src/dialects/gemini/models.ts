// https://ai.google.dev/api/models
import { InferloomError } from '../../canonical/errors.ts'

interface ListedModel {
  readonly id: string
  readonly contextTokens?: number
}

const largestPage = 1000

export function geminiModel({ id, contextTokens }: ListedModel) {
  return {
    name: `models/${id}`,
    displayName: id,
    ...(contextTokens !== undefined && { inputTokenLimit: contextTokens, outputTokenLimit: contextTokens }),
    supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens', 'embedContent'],
  }
}

/** One page of the models; `query` is that of the address. A page's token is the number of those before it. */
export function geminiModels(models: readonly ListedModel[], query: object) {
  const size = Math.min(numberIn({ ...query }, 'pageSize', 50) || 50, largestPage)
  const start = numberIn({ ...query }, 'pageToken', 0)
  const end = start + size
  return {
    models: models.slice(start, end).map(geminiModel),
    ...(end < models.length && { nextPageToken: String(end) }),
  }
}

function numberIn(query: Readonly<Record<string, unknown>>, name: string, absent: number): number {
  const given = query[name]
  if (given === undefined || given === '') return absent
  if (typeof given === 'string' && /^\d{1,9}$/.test(given)) return Number(given)
  throw new InferloomError('invalid_value', `${name} is not valid: it is a whole number.`, { param: name })
}

/** The name of a model as others know it: here it is also that of a resource. */
export function plainModel(name: string): string {
  return name.replace(/^models\//, '')
}

/** Google's clients ask at the address of OpenAI's list too, where they want the first version of the API. */
export function speaksGemini(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['x-goog-api-client'] !== undefined || headers['x-goog-api-key'] !== undefined
}
