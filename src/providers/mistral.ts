// https://docs.mistral.ai/api
import { bearer, signWithKeys } from './keys.ts'
import { openaiModelList } from './openai-model-list.ts'
import type { ProviderKind } from './provider-kind.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { mistralChatWire } from './wire/mistral-chat.ts'
import { mistralEmbeddingsWire } from './wire/mistral-embeddings.ts'

const env = ['MISTRAL_API_KEY']

export const mistral: ProviderKind = {
  name: 'mistral',
  env,
  make({ name, keys, baseUrl = 'https://api.mistral.ai/v1', headers, timeouts, models, extra }) {
    // Its own instructions before those of the client: https://docs.mistral.ai/capabilities/guardrailing
    const chat = mistralChatWire(extra?.['safePrompt'] === true ? { safe_prompt: true } : {})
    return remoteProvider({
      name,
      baseUrl,
      authorize: signWithKeys({ provider: name, keys, env, header: bearer, ...(headers && { headers }) }),
      generate: () => [chat],
      embed: mistralEmbeddingsWire(),
      list: openaiModelList(name),
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}
