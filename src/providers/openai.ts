// https://platform.openai.com/docs/api-reference
import { bearer, signWithKeys } from './keys.ts'
import { openaiModelList } from './openai-model-list.ts'
import type { ProviderKind } from './provider-kind.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { openaiChatWire } from './wire/openai-chat.ts'
import { openaiCompletionsWire } from './wire/openai-completions.ts'
import { openaiEmbeddingsWire } from './wire/openai-embeddings.ts'
import { openaiPassed } from './wire/openai-passed.ts'
import { openaiResponsesCount } from './wire/openai-responses-count.ts'
import { openaiResponsesWire } from './wire/openai-responses.ts'
import type { GenerateWire } from './wire/wire.ts'

const env = ['OPENAI_API_KEY']

/** In the order in which they are tried; a further wire of OpenAI's is one more line. */
const wires: readonly GenerateWire[] = [
  openaiChatWire({
    maxTokens: 'max_completion_tokens',
    systemRole: 'developer',
    tells: ['safety_identifier', 'prompt_cache_key', 'service_tier'],
  }),
  openaiResponsesWire,
  openaiCompletionsWire(),
]

/** Models that answer on the newer wire alone: https://developers.openai.com/api/docs/models */
const responsesOnly = /-pro(?:-\d{4}|$)|codex|deep-research|computer-use/

const passed = openaiPassed([
  'openai-compact',
  'openai-input-tokens',
  'openai-embeddings',
  'openai-moderations',
  'openai-images',
  'openai-image-edits',
  'openai-speech',
  'openai-transcriptions',
  'openai-translations',
])

export const openai: ProviderKind = {
  name: 'openai',
  env,
  baseUrlEnv: 'OPENAI_BASE_URL',
  make: ({ name, keys, baseUrl, headers = {}, timeouts, models = [] }) =>
    remoteProvider({
      name,
      baseUrl: baseUrl ?? 'https://api.openai.com/v1',
      // Others that speak its API may not count; for their models a count is an estimate.
      ...(baseUrl === undefined && { count: openaiResponsesCount }),
      models,
      timeouts: timeoutsOf(timeouts),
      authorize: signWithKeys({ provider: name, keys, env, header: bearer, headers }),
      generate: (model) => (responsesOnly.test(model) ? [openaiResponsesWire] : wires),
      passed,
      embed: openaiEmbeddingsWire({ base64: true }),
      list: openaiModelList(name),
    }),
}
