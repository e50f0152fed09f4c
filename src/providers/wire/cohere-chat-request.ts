// https://docs.cohere.com/reference/chat
import type { GenerateRequest, Message, Part, Tool } from '../../canonical/request.ts'
import { thinkingBudget } from './thinking-budget.ts'
import { refuseUnsupported, unsupported, widelyKnown, type Field } from './unsupported.ts'
import type { WireRequest } from './wire.ts'

type Fields = Readonly<Record<string, unknown>>

const can: ReadonlySet<Field> = new Set<Field>([...widelyKnown, 'reasoning_effort', 'reasoning_tokens'])

export function cohereRequest(
  request: GenerateRequest,
  { provider, stream }: { readonly provider: string; readonly stream: boolean },
): WireRequest {
  refuseUnsupported(request, provider, can)
  const { model, input, maxOutputTokens, stop, sampling } = request
  const messages = input.kind === 'chat' ? input.messages : []
  const body = {
    model,
    messages: messages.map((message, index) => messageOf(message, `messages[${index}]`, provider)),
    stream,
    max_tokens: maxOutputTokens,
    ...(stop.length > 0 && { stop_sequences: stop }),
    temperature: sampling.temperature,
    p: sampling.topP,
    k: sampling.topK,
    seed: sampling.seed,
    // It refuses both at once, also where one of them asks for nothing: https://docs.cohere.com/reference/errors
    presence_penalty: sampling.presencePenalty || undefined,
    frequency_penalty: sampling.frequencyPenalty || undefined,
    ...toolFields(request, provider),
    ...formatOf(request),
    ...thinkingOf(request),
  }
  return { path: '/v2/chat', body: JSON.stringify(body) }
}

/** Thoughts are left out: it plans anew, and newer models refuse an older `tool_plan`. */
function messageOf(message: Message, at: string, provider: string): Fields {
  const { role, toolCalls = [] } = message
  const content = contentOf(message.content, at, provider)
  switch (role) {
    case 'system':
    case 'user':
      return { role, content }
    case 'tool':
      return { role, tool_call_id: message.toolCallId, content }
    case 'assistant':
      return {
        role,
        ...(content.length > 0 && { content }),
        ...(toolCalls.length > 0 && {
          tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
            id,
            type: 'function',
            function: { name, arguments: text === '' ? '{}' : text },
          })),
        }),
      }
  }
}

function contentOf(content: Message['content'], at: string, provider: string): string | readonly Fields[] {
  if (typeof content === 'string') return content
  return content.map((part, index) => partOf(part, `${at}.content[${index}]`, provider))
}

function partOf(part: Part, at: string, provider: string): Fields {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type !== 'image') throw unsupported(`${at} of type ${part.type}`, provider, 'send its text')
  return { type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } }
}

function toolFields({ tools = [], toolChoice }: GenerateRequest, provider: string): Fields {
  if (tools.length === 0) return {}
  // It can be made to call something, not something by name; where there is one tool that is the same.
  const offered = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools
  const choice =
    toolChoice === 'none' ? 'NONE' : toolChoice === undefined || toolChoice === 'auto' ? undefined : 'REQUIRED'
  return {
    tools: offered.map(toolOf),
    ...(choice && { tool_choice: choice }),
    ...(strictTools(offered, provider) && { strict_tools: true }),
  }
}

function toolOf({ name, description, parameters }: Tool): Fields {
  const schema = typeof parameters === 'object' ? parameters : { type: 'object', properties: {} }
  return { type: 'function', function: { name, ...(description !== undefined && { description }), parameters: schema } }
}

/** All or none: https://docs.cohere.com/docs/structured-outputs#structured-outputs-tools */
function strictTools(tools: readonly Tool[], provider: string): boolean {
  const strict = tools.filter((tool) => tool.strict === true)
  if (strict.length === 0 || strict.length === tools.length) return strict.length > 0
  throw unsupported('strict for some tools and not for others', provider, 'make all of them strict, or none')
}

/** A schema has no name and no mode: https://docs.cohere.com/docs/structured-outputs#json-schema-mode */
function formatOf({ responseFormat: format }: GenerateRequest): Fields {
  if (format === undefined || format.type === 'text') return {}
  const schema = format.type === 'json-schema' ? { json_schema: format.schema } : {}
  return { response_format: { type: 'json_object', ...schema } }
}

/** https://docs.cohere.com/docs/reasoning */
function thinkingOf(request: GenerateRequest): Fields {
  const budget = thinkingBudget(request)
  if (budget === undefined) return {}
  return { thinking: budget === 0 ? { type: 'disabled' } : { type: 'enabled', token_budget: budget } }
}
