// https://ai.google.dev/gemini-api/docs
import { z } from 'zod'
import { signWithKeys } from './keys.ts'
import type { ProviderKind } from './provider-kind.ts'
import type { ModelInfo } from './provider.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { geminiCount } from './wire/gemini-count.ts'
import { geminiEmbed } from './wire/gemini-embed.ts'
import { gemini } from './wire/gemini.ts'
import { checked } from './wire/read-json.ts'

/** Its own clients read both, and the second wins there too: https://ai.google.dev/gemini-api/docs/api-key */
const env = ['GOOGLE_API_KEY', 'GEMINI_API_KEY']

export const google: ProviderKind = {
  name: 'google',
  env,
  make({ name, keys, baseUrl = 'https://generativelanguage.googleapis.com/v1beta', headers, timeouts, models }) {
    return remoteProvider({
      name,
      baseUrl,
      authorize: signWithKeys({ provider: name, keys, env, header: googleKey, ...(headers && { headers }) }),
      generate: () => [gemini],
      count: geminiCount,
      embed: geminiEmbed,
      // One page holds them all: https://ai.google.dev/api/models#method:-models.list
      list: { path: '/models?pageSize=1000', read: modelsOf },
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}

export function googleKey(key: string): Readonly<Record<string, string>> {
  return { 'x-goog-api-key': key }
}

const list = z.object({
  models: z
    .array(
      z.object({
        name: z.string().min(1),
        inputTokenLimit: z.number().min(0).nullish(),
        supportedGenerationMethods: z.array(z.string()).nullish(),
      }),
    )
    .default([]),
})

/** What can be asked here: models that make pictures or films have other methods. */
const methods = new Set(['generateContent', 'embedContent'])

function modelsOf(body: unknown): readonly ModelInfo[] {
  return checked(list, body)
    .models.filter(({ supportedGenerationMethods: can }) => can?.some((each) => methods.has(each)) ?? true)
    .map(({ name, inputTokenLimit: context }) => ({
      id: name.replace(/^models\//, ''),
      ownedBy: 'google',
      created: 0,
      ...(context ? { contextTokens: context } : {}),
    }))
}
