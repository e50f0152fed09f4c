// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
import type { GenerateRequest, Message, Tool } from '../../canonical/request.ts'
import { familyOf } from './bedrock-converse-families.ts'
import { cachePoint, converseMessages, type Block } from './bedrock-converse-messages.ts'
import { refuseUnsupported, unsupported, type Field } from './unsupported.ts'
import type { WireRequest } from './wire.ts'

const can: ReadonlySet<Field> = new Set<Field>([
  'stop',
  'temperature',
  'top_p',
  'top_k',
  'tools',
  'tool_choice',
  'response_format',
  'reasoning_effort',
  'reasoning_tokens',
])

export function converseRequest(
  request: GenerateRequest,
  { provider, stream }: { readonly provider: string; readonly stream: boolean },
): WireRequest {
  refuseUnsupported(request, provider, can)
  const { input, metadata, serviceTier } = request
  const given = input.kind === 'chat' ? input.messages : []
  const { system, messages } = converseMessages(given, provider)
  const { stopStringPaths } = familyOf(request.model)
  const body = {
    messages,
    ...filled('system', system),
    ...filled('inferenceConfig', inferenceConfig(request)),
    ...filled('toolConfig', toolConfig(request, given, provider)),
    ...filled('outputConfig', outputConfig(request, provider)),
    ...filled('additionalModelRequestFields', modelFields(request, provider)),
    ...(stopStringPaths && request.stop.length > 0 && { additionalModelResponseFieldPaths: stopStringPaths }),
    ...filled('requestMetadata', metadata ?? {}),
    ...(serviceTier !== undefined && serviceTier !== 'default' && { serviceTier: { type: serviceTier } }),
  }
  // An ARN has colons and slashes.
  const path = `/model/${encodeURIComponent(request.model)}/${stream ? 'converse-stream' : 'converse'}`
  return { path, body: JSON.stringify(body) }
}

function filled(name: string, value: object): Record<string, unknown> {
  return Object.keys(value).length > 0 ? { [name]: value } : {}
}

function inferenceConfig({ maxOutputTokens, sampling: { temperature, topP }, stop }: GenerateRequest): Block {
  return {
    ...(maxOutputTokens !== undefined && { maxTokens: maxOutputTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(stop.length > 0 && { stopSequences: stop }),
  }
}

function toolConfig(request: GenerateRequest, messages: readonly Message[], provider: string): Block {
  const { tools = [], toolChoice } = request
  if (tools.length === 0) return {}
  if (toolChoice === 'none') {
    // Converse has no such choice. Without tools none is called, but a conversation with calls needs them.
    if (!messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls !== undefined)) return {}
    throw unsupported('tool_choice = "none" in a conversation with tool calls', provider, 'send auto')
  }
  return {
    tools: tools.flatMap((tool) => (tool.cache ? [toolSpec(tool), cachePoint(tool.cache)] : [toolSpec(tool)])),
    ...(toolChoice !== undefined && { toolChoice: choiceOf(toolChoice) }),
  }
}

function toolSpec({ name, description, parameters, strict }: Tool): Block {
  return {
    toolSpec: {
      name,
      ...(description !== undefined && description !== '' && { description }),
      inputSchema: { json: typeof parameters === 'object' ? parameters : { type: 'object', properties: {} } },
      ...(strict === true && { strict }),
    },
  }
}

function choiceOf(choice: Exclude<NonNullable<GenerateRequest['toolChoice']>, 'none'>): Block {
  if (typeof choice === 'object') return { tool: { name: choice.name } }
  return choice === 'auto' ? { auto: {} } : { any: {} }
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html */
function outputConfig({ responseFormat: format }: GenerateRequest, provider: string): Block {
  if (format === undefined || format.type === 'text') return {}
  if (format.type === 'json') {
    throw unsupported('response_format of type json_object', provider, 'send a json_schema')
  }
  const { name, schema } = format
  return { textFormat: { type: 'json_schema', structure: { jsonSchema: { name, schema: JSON.stringify(schema) } } } }
}

function modelFields(request: GenerateRequest, provider: string): Block {
  const { reasoningEffort: effort, reasoningTokens: tokens, sampling } = request
  const family = familyOf(request.model)
  // A number of tokens says more than a word for it.
  const thoughts = tokens === undefined ? effort && family.effort?.(effort) : family.thinkingTokens?.(tokens)
  if (thoughts === undefined && tokens !== undefined) throw unsupported('reasoning_tokens', provider)
  if (thoughts === undefined && effort !== undefined) throw unsupported(`reasoning_effort = "${effort}"`, provider)
  const topK = sampling.topK ? family.topK?.(sampling.topK) : {}
  if (topK === undefined) throw unsupported('top_k', provider)
  return { ...topK, ...thoughts }
}
