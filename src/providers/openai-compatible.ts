import { InferloomError } from '../canonical/errors.ts'
import { bearer, signWithKeys } from './keys.ts'
import { openaiModelList } from './openai-model-list.ts'
import type { Preset } from './preset.ts'
import { servicePresets } from './service-presets.ts'
import type { ProviderKind } from './provider-kind.ts'
import { remoteProvider } from './remote-provider.ts'
import { serverPresets } from './server-presets.ts'
import { timeoutsOf } from './timeouts.ts'
import { openaiChatWire } from './wire/openai-chat.ts'
import { openaiCompletionsWire } from './wire/openai-completions.ts'
import { openaiEmbeddingsWire } from './wire/openai-embeddings.ts'
import { openaiPassed } from './wire/openai-passed.ts'

/** Any other server that speaks OpenAI's API: what it cannot do, it says itself. */
const other: Preset = {
  name: 'openai-compatible',
  env: [],
  chat: {
    reasoning: 'reasoning_content',
    fields: { top_k: 'top_k', min_p: 'min_p', chat_template_kwargs: 'chat_template_kwargs' },
  },
  completions: true,
  embeddings: true,
  passed: [
    'openai-moderations',
    'openai-images',
    'openai-image-edits',
    'openai-speech',
    'openai-transcriptions',
    'openai-translations',
  ],
}

export const openaiCompatible: readonly ProviderKind[] = [...servicePresets, ...serverPresets, other].map(kindOf)

function kindOf(preset: Preset): ProviderKind {
  const { env, chat, completions = false, embeddings = false, list = true, onlyWhenNamed = false, passed = [] } = preset
  const { purposes = {}, load } = preset
  const wires = [openaiChatWire(chat), ...(completions ? [openaiCompletionsWire(chat)] : [])]
  return {
    name: preset.name,
    env,
    onlyWhenNamed,
    make: ({ name, keys, baseUrl = preset.baseUrl, headers = {}, timeouts, models = [] }) =>
      remoteProvider({
        name,
        baseUrl: baseUrl ?? addressMissing(name),
        models,
        timeouts: timeoutsOf(timeouts),
        authorize: signWithKeys({ provider: name, keys, env, header: bearer, headers }),
        generate: () => wires,
        passed: openaiPassed(passed),
        ...(embeddings && { embed: openaiEmbeddingsWire({ purposes }) }),
        ...(list && { list: openaiModelList(name) }),
        ...(load && { load }),
      }),
  }
}

function addressMissing(name: string): never {
  const message = `There is no address for ${name}. Remedy: set providers.${name}.baseUrl, such as http://127.0.0.1:8000/v1.`
  throw new InferloomError('config_invalid', message)
}
