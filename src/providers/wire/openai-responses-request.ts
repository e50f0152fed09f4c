// https://developers.openai.com/api/reference/resources/responses/methods/create
import type { GenerateRequest, ResponseFormat } from '../../canonical/request.ts'
import { responsesInput, wireName } from './openai-responses-input.ts'
import { openaiSampling } from './openai-sampling.ts'
import { thinkingInWords } from './thinking-budget.ts'
import { refuseUnsupported, unsupported, type Field } from './unsupported.ts'

const can: ReadonlySet<Field> = new Set([
  'temperature',
  'top_p',
  'logprobs',
  'top_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'verbosity',
])

export function responsesBody(
  asked: GenerateRequest,
  { provider, stream }: { readonly provider: string; readonly stream: boolean },
): { readonly store: false; readonly [field: string]: unknown } {
  const request = thinkingInWords(asked)
  refuseUnsupported(request, provider, can)
  if (request.input.kind !== 'chat') throw unsupported('prompt', provider, 'send messages')
  const { maxOutputTokens: max, topLogprobs: top, endUser, promptCacheKey, metadata, serviceTier } = request
  const include = includeOf(request)
  const text = textOf(request, provider)
  const reasoning = reasoningOf(request)
  return {
    model: request.model,
    input: responsesInput(request.input.messages, provider),
    // The conversation is sent again each time: nothing has to be kept there.
    store: false,
    ...(stream && { stream: true }),
    ...(max !== undefined && { max_output_tokens: max }),
    ...openaiSampling(request.sampling, {}),
    ...(include.length > 0 && { include }),
    ...(top !== undefined && top > 0 && { top_logprobs: top }),
    ...toolFields(request),
    ...(text && { text }),
    ...(reasoning && { reasoning }),
    ...(metadata && { metadata }),
    ...(endUser !== undefined && { safety_identifier: endUser }),
    ...(promptCacheKey !== undefined && { prompt_cache_key: promptCacheKey }),
    ...(serviceTier !== undefined && { service_tier: serviceTier }),
  }
}

/** Whether a request has what only this wire keeps: thoughts that are shown, or sent back as they were. */
export function needsResponses(request: GenerateRequest): boolean {
  const { input, showReasoning, reasoningEffort: effort, tools } = thinkingInWords(request)
  if (showReasoning === true || sendsThoughts(input)) return true
  // From GPT-5.4 on chat refuses tools beside reasoning, and names this wire:
  // https://developers.openai.com/api/docs/guides/latest-model
  return effort !== undefined && effort !== 'none' && (tools?.length ?? 0) > 0
}

function sendsThoughts(input: GenerateRequest['input']): boolean {
  if (input.kind !== 'chat') return false
  return input.messages.some(({ reasoningBlocks = [] }) =>
    reasoningBlocks.some(({ encrypted }) => encrypted?.wire === wireName),
  )
}

function includeOf(request: GenerateRequest): string[] {
  const { topLogprobs, reasoningEffort: effort, showReasoning } = request
  // A model that does not reason refuses to be asked for its thoughts.
  const reasons = showReasoning === true || (effort !== undefined && effort !== 'none') || sendsThoughts(request.input)
  return [
    ...(topLogprobs === undefined ? [] : ['message.output_text.logprobs']),
    ...(reasons ? ['reasoning.encrypted_content'] : []),
  ]
}

function toolFields({ tools = [], toolChoice, parallelToolCalls }: GenerateRequest): object {
  if (tools.length === 0) return {}
  return {
    tools: tools.map(({ name, description, parameters, strict = false }) => ({
      type: 'function',
      name,
      ...(description !== undefined && { description }),
      // A schema that is only `true` or `false` is none that OpenAI's API knows.
      parameters: typeof parameters === 'object' ? parameters : null,
      // Left out, it means that the schema is made strict.
      strict,
    })),
    ...(toolChoice !== undefined && {
      tool_choice: typeof toolChoice === 'string' ? toolChoice : { type: 'function', name: toolChoice.name },
    }),
    ...(parallelToolCalls !== undefined && { parallel_tool_calls: parallelToolCalls }),
  }
}

function textOf({ responseFormat, verbosity }: GenerateRequest, provider: string): object | undefined {
  const format = responseFormat && formatOf(responseFormat, provider)
  if (!format && verbosity === undefined) return undefined
  return { ...(format && { format }), ...(verbosity !== undefined && { verbosity }) }
}

function formatOf(format: ResponseFormat, provider: string): object {
  switch (format.type) {
    case 'text':
      return { type: 'text' }
    case 'json':
      return { type: 'json_object' }
    case 'json-schema': {
      const { name, schema, strict } = format
      if (typeof schema === 'boolean')
        throw unsupported('response_format.json_schema.schema', provider, 'use an object')
      return { type: 'json_schema', name, schema, strict }
    }
  }
}

function reasoningOf({ reasoningEffort: effort, showReasoning }: GenerateRequest): object | undefined {
  if (effort === undefined && showReasoning !== true) return undefined
  return { ...(effort !== undefined && { effort }), ...(showReasoning === true && { summary: 'auto' }) }
}
