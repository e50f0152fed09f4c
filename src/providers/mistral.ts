// https://docs.mistral.ai/api
import { bearer, signWithKeys } from './keys.ts'
import { openaiModelList } from './openai-model-list.ts'
import type { ProviderKind } from './provider-kind.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { mistralChatWire } from './wire/mistral-chat.ts'
import { mistralEmbeddingsWire } from './wire/mistral-embeddings.ts'

const env = ['MISTRAL_API_KEY']

/**
 * Tokens that it read before cost a tenth, where requests that begin alike say so by a key:
 * https://docs.mistral.ai/studio-api/conversations/advanced/prompt-caching. A prompt of fewer tokens saves next to nothing.
 */
const byKey = { minimumTokens: 128, by: 'key' } as const

export const mistral: ProviderKind = {
  name: 'mistral',
  env,
  make({ name, keys, baseUrl, headers, timeouts, models, extra }) {
    // Its own instructions before those of the client: https://docs.mistral.ai/capabilities/guardrailing
    const chat = mistralChatWire(extra?.['safePrompt'] === true ? { safe_prompt: true } : {})
    return remoteProvider({
      name,
      baseUrl: baseUrl ?? 'https://api.mistral.ai/v1',
      authorize: signWithKeys({ provider: name, keys, env, header: bearer, ...(headers && { headers }) }),
      generate: () => [chat],
      embed: mistralEmbeddingsWire(),
      // Others that speak its API may refuse a field that they do not know.
      ...(baseUrl === undefined && { cacheMarks: () => byKey }),
      list: openaiModelList(name),
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}
