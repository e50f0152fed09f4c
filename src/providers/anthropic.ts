// https://platform.claude.com/docs/en/api/overview
import { signWithKeys } from './keys.ts'
import type { ProviderKind } from './provider-kind.ts'
import type { ModelInfo } from './provider.ts'
import { remoteProvider, type RemoteProviderOptions } from './remote-provider.ts'
import { timeoutsOf } from './timeouts.ts'
import { anthropicCount, anthropicMessages } from './wire/anthropic-messages.ts'
import { anthropicMarks } from './wire/anthropic-messages-marks.ts'
import { countOf, isRecord, listOf, textOf } from './wire/fields.ts'

const env = ['ANTHROPIC_API_KEY']

/** Where a client names none itself: https://platform.claude.com/docs/en/api/versioning */
const version = { 'anthropic-version': '2023-06-01' }

const header = (key: string) => ({ 'x-api-key': key })

const inBodies = { [anthropicMessages.name]: anthropicMarks }

export const anthropic: ProviderKind = {
  name: 'anthropic',
  env,
  // As in Anthropic's own clients, the version is not part of it.
  baseUrlEnv: 'ANTHROPIC_BASE_URL',
  make({ name, keys, baseUrl = 'https://api.anthropic.com', headers, timeouts, models }) {
    const sign = signWithKeys({ provider: name, keys, env, header, ...(headers && { headers }) })
    return remoteProvider({
      name,
      baseUrl,
      authorize: (request) => sign({ ...request, headers: { ...version, ...request.headers } }),
      generate: () => [anthropicMessages],
      count: anthropicCount,
      cacheMarks: (model) => ({ minimumTokens: leastCached(model), inBodies }),
      list: modelList(name),
      ...(models && { models }),
      timeouts: timeoutsOf(timeouts),
    })
  },
}

/** https://platform.claude.com/docs/en/build-with-claude/prompt-caching#cache-limitations */
function leastCached(model: string): number {
  if (/opus-4-[5-9]|haiku-4-5/.test(model)) return 4096
  return model.includes('haiku') ? 2048 : 1024
}

/** One page holds more models than there are: https://platform.claude.com/docs/en/api/models/list */
function modelList(name: string): NonNullable<RemoteProviderOptions['list']> {
  return { path: '/v1/models?limit=1000', read: (body) => modelsIn(body, name) }
}

function modelsIn(body: unknown, name: string): readonly ModelInfo[] {
  if (!isRecord(body) || !Array.isArray(body['data'])) throw new TypeError('a list of models without data')
  return listOf(body['data']).flatMap((each) => {
    const id = isRecord(each) ? textOf(each['id']) : undefined
    if (!isRecord(each) || id === undefined || id.length > 300) return []
    const created = Date.parse(textOf(each['created_at']) ?? '')
    const contextTokens = countOf(each['max_input_tokens'])
    return [
      {
        id,
        ownedBy: name,
        created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
        ...(contextTokens !== undefined && contextTokens > 0 && { contextTokens }),
      },
    ]
  })
}
