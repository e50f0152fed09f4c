// https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
import { InferloomError } from '../canonical/errors.ts'
import { signWithKeys } from './keys.ts'
import { openaiModelList } from './openai-model-list.ts'
import type { ProviderKind, ProviderSettings } from './provider-kind.ts'
import { remoteProvider } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import type { ChatOptions } from './wire/openai-chat-options.ts'
import { openaiChatWire } from './wire/openai-chat.ts'
import { openaiCompletionsWire } from './wire/openai-completions.ts'
import { openaiEmbeddingsWire } from './wire/openai-embeddings.ts'
import { openaiPassed, type PassedName } from './wire/openai-passed.ts'
import { openaiResponsesWire } from './wire/openai-responses.ts'

const env = ['AZURE_OPENAI_API_KEY']
const baseUrlEnv = 'AZURE_OPENAI_ENDPOINT'

const chat: ChatOptions = { maxTokens: 'max_completion_tokens', tells: ['user', 'prompt_cache_key'] }

/** All but moderations, in both APIs: https://learn.microsoft.com/azure/foundry/openai/reference */
const passed: readonly PassedName[] = [
  'openai-embeddings',
  'openai-images',
  'openai-image-edits',
  'openai-speech',
  'openai-transcriptions',
  'openai-translations',
]

/**
 * OpenAI's models in one's own Azure resource, where models are asked for by the names of their deployments.
 * With `extra.apiVersion` the older API is spoken, which has the deployment in the path and wants a dated version.
 */
export const azureOpenai: ProviderKind = {
  name: 'azure-openai',
  env,
  baseUrlEnv,
  make(settings) {
    const version = apiVersionOf(settings)
    return version === undefined ? currentApi(settings) : datedApi(settings, version)
  },
}

/** `https://RESOURCE.openai.azure.com/openai/v1`, with the deployment as the model. */
function currentApi(settings: ProviderSettings) {
  const { name, models = [], timeouts } = settings
  return remoteProvider({
    name,
    baseUrl: `${endpointOf(settings)}/openai/v1`,
    models,
    timeouts: timeoutsOf(timeouts),
    authorize: signing(settings),
    // https://learn.microsoft.com/azure/foundry/openai/how-to/responses
    generate: () => [openaiChatWire(chat), openaiResponsesWire, openaiCompletionsWire()],
    // https://learn.microsoft.com/azure/foundry/reference/rest/compactconversation
    passed: openaiPassed(['openai-compact', ...passed]),
    embed: openaiEmbeddingsWire({ base64: true }),
    list: openaiModelList(name),
  })
}

/** https://learn.microsoft.com/azure/foundry/openai/reference */
function datedApi(settings: ProviderSettings, version: string) {
  const { name, models = [], timeouts } = settings
  const at = (what: string) => (model: string) =>
    `/deployments/${encodeURIComponent(model)}/${what}?api-version=${encodeURIComponent(version)}`
  return remoteProvider({
    name,
    baseUrl: `${endpointOf(settings)}/openai`,
    models,
    timeouts: timeoutsOf(timeouts),
    authorize: signing(settings),
    generate: () => [
      openaiChatWire({ ...chat, path: at('chat/completions') }),
      openaiCompletionsWire({ path: at('completions') }),
    ],
    passed: openaiPassed(passed, at),
    embed: openaiEmbeddingsWire({ base64: true, path: at('embeddings') }),
    // Its list names the models that could be deployed, not the deployments that can be asked.
  })
}

function signing({ name, keys, headers = {} }: ProviderSettings) {
  return signWithKeys({ provider: name, keys, env, headers, header: (key) => ({ 'api-key': key }) })
}

/** The resource alone, whether or not its setting goes on to the API. */
function endpointOf({ name, baseUrl }: ProviderSettings): string {
  if (baseUrl === undefined) {
    const message = `There is no address for ${name}. Remedy: set ${baseUrlEnv}, or providers.${name}.baseUrl, to https://RESOURCE.openai.azure.com.`
    throw new InferloomError('config_invalid', message)
  }
  return baseUrl.replace(/\/+$/, '').replace(/\/openai(\/v1)?$/, '')
}

function apiVersionOf({ name, extra = {} }: ProviderSettings): string | undefined {
  const { apiVersion } = extra
  if (apiVersion === undefined || (typeof apiVersion === 'string' && apiVersion !== '')) return apiVersion
  const message = `providers.${name}.extra.apiVersion must be a text such as 2024-10-21. Remedy: leave it out to use the current API.`
  throw new InferloomError('config_invalid', message)
}
