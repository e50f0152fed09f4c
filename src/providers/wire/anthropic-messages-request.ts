// https://platform.claude.com/docs/en/api/messages/create
import type { GenerateRequest, ServiceTier, Tool } from '../../canonical/request.ts'
import { cacheControl, messagesOf, type Block } from './anthropic-messages-content.ts'
import { maxTokensOf, thinkingOf } from './anthropic-messages-models.ts'
import { refuseUnsupported, unsupported, type Field } from './unsupported.ts'
import type { WireRequest } from './wire.ts'

const can: ReadonlySet<Field> = new Set<Field>([
  'stop',
  'temperature',
  'top_p',
  'top_k',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning_tokens',
  'verbosity',
])

interface Options {
  readonly provider: string
  readonly stream: boolean
}

export function messagesRequest(request: GenerateRequest, { provider, stream }: Options): WireRequest {
  refuseUnsupported(request, provider, can)
  const { temperature, topP, topK } = request.sampling
  // Nothing is cut to what the API takes: the answer would be another one than was asked for.
  if (temperature !== undefined && temperature > 1) throw unsupported('temperature above 1', provider, 'send 0 to 1')
  const { endUser, serviceTier, stop } = request
  const tier = serviceTier && tiers[serviceTier]
  const body = {
    ...promptOf(request, provider),
    max_tokens: maxTokensOf(request),
    ...(stop.length > 0 && { stop_sequences: stop }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && topK > 0 && { top_k: topK }),
    ...(endUser !== undefined && { metadata: { user_id: endUser } }),
    ...(tier !== undefined && { service_tier: tier }),
    ...(stream && { stream }),
  }
  return { path: '/v1/messages', body: JSON.stringify(body) }
}

/** https://platform.claude.com/docs/en/build-with-claude/token-counting */
export function countRequest(request: GenerateRequest, { provider }: Pick<Options, 'provider'>): WireRequest {
  return { path: '/v1/messages/count_tokens', body: JSON.stringify(promptOf(request, provider)) }
}

/** Priority capacity is used where the account has any, and there is no cheaper tier than the usual one. */
const tiers: Readonly<Record<ServiceTier, string | undefined>> = {
  priority: 'auto',
  default: 'standard_only',
  flex: undefined,
}

/** What decides how long a prompt is. */
function promptOf(request: GenerateRequest, provider: string): Block {
  const { system, messages } = messagesOf(request.input.kind === 'chat' ? request.input.messages : [], provider)
  const { thinking, effort } = thinkingOf(request, provider)
  const format = formatOf(request, provider)
  return {
    model: request.model,
    messages,
    ...(system.length > 0 && { system }),
    ...toolsOf(request),
    ...(thinking && { thinking }),
    ...((effort !== undefined || format) && {
      output_config: { ...(effort && { effort }), ...(format && { format }) },
    }),
  }
}

/** https://platform.claude.com/docs/en/build-with-claude/structured-outputs */
function formatOf({ responseFormat: format }: GenerateRequest, provider: string): Block | undefined {
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json-schema') return { type: 'json_schema', schema: format.schema }
  throw unsupported('response_format of type json_object', provider, 'send a json_schema')
}

function toolsOf({ tools = [], toolChoice, parallelToolCalls }: GenerateRequest): Block {
  if (tools.length === 0) return {}
  const alone = parallelToolCalls === false && toolChoice !== 'none' ? { disable_parallel_tool_use: true } : {}
  const choice = toolChoice ?? (parallelToolCalls === false ? 'auto' : undefined)
  return {
    tools: tools.map(toolOf),
    ...(choice !== undefined && { tool_choice: { ...choiceOf(choice), ...alone } }),
  }
}

function toolOf({ name, description, parameters, strict, cache }: Tool): Block {
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: typeof parameters === 'object' ? parameters : { type: 'object', properties: {} },
    ...(strict === true && { strict }),
    ...cacheControl(cache),
  }
}

function choiceOf(choice: NonNullable<GenerateRequest['toolChoice']>): Block {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name }
  return { type: choice === 'required' ? 'any' : choice }
}
