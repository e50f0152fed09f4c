import type { ModelInfo } from './provider.ts'
import type { RemoteProviderOptions } from './remote-provider.ts'
import { countOf, isRecord, listOf, textOf } from './wire/fields.ts'

/** What providers call the longest prompt and output together: vLLM, OpenRouter and Together, Groq, llama.cpp. */
const contextFields = ['max_model_len', 'context_length', 'context_window', 'max_context_length', 'n_ctx']

/** `GET /models`: https://platform.openai.com/docs/api-reference/models/list; Together answers with the bare list. */
export function openaiModelList(name: string): NonNullable<RemoteProviderOptions['list']> {
  return { path: '/models', read: (body) => modelsIn(Array.isArray(body) ? body : dataOf(body), name) }
}

function dataOf(body: unknown): unknown {
  const data = isRecord(body) ? body['data'] : undefined
  if (!Array.isArray(data)) throw new TypeError('a list of models without data')
  return data
}

function modelsIn(list: unknown, name: string): readonly ModelInfo[] {
  return listOf(list).flatMap((each) => {
    const id = isRecord(each) ? textOf(each['id']) : undefined
    if (!isRecord(each) || id === undefined || id.length > 300) return []
    const contextTokens = contextFields.map((field) => countOf(each[field])).find((count) => count !== undefined)
    return [
      {
        id,
        ownedBy: textOf(each['owned_by'])?.slice(0, 100) ?? name,
        created: Math.floor(countOf(each['created']) ?? 0),
        ...(contextTokens !== undefined && contextTokens > 0 && { contextTokens }),
      },
    ]
  })
}
