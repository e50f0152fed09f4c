// https://docs.cohere.com/reference/about
import { z } from 'zod'
import { bearer, signWithKeys } from './keys.ts'
import type { ProviderKind } from './provider-kind.ts'
import type { ModelInfo } from './provider.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { cohereChat } from './wire/cohere-chat.ts'
import { cohereEmbed } from './wire/cohere-embed.ts'
import { cohereRerank } from './wire/cohere-rerank.ts'
import { checked } from './wire/read-json.ts'

/** The first is what its own clients read, the second what others do. */
const env = ['CO_API_KEY', 'COHERE_API_KEY']

export const cohere: ProviderKind = {
  name: 'cohere',
  env,
  make({ name, keys, baseUrl = 'https://api.cohere.com', headers, timeouts, models }) {
    return remoteProvider({
      name,
      baseUrl,
      authorize: signWithKeys({ provider: name, keys, env, header: bearer, ...(headers && { headers }) }),
      generate: () => [cohereChat],
      embed: cohereEmbed,
      rerank: cohereRerank,
      list: { path: '/v1/models?page_size=1000', read: modelsOf },
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}

const list = z.object({
  models: z.array(z.object({ name: z.string().min(1), context_length: z.number().min(0).nullish() })),
})

/** https://docs.cohere.com/reference/list-models: it does not say since when there is a model. */
function modelsOf(body: unknown): readonly ModelInfo[] {
  return checked(list, body).models.map(({ name, context_length: context }) => ({
    id: name,
    ownedBy: 'cohere',
    created: 0,
    ...(context ? { contextTokens: context } : {}),
  }))
}
