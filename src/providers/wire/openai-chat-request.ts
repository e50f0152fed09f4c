// https://platform.openai.com/docs/api-reference/chat/create
import type { GenerateRequest, ResponseFormat, Tool, ToolChoice } from '../../canonical/request.ts'
import { chatMessages } from './openai-chat-messages.ts'
import type { ChatOptions, TellingField } from './openai-chat-options.ts'
import { openaiSampling } from './openai-sampling.ts'
import { thinkingInWords } from './thinking-budget.ts'
import { refuseUnsupported, unsupported, type Field } from './unsupported.ts'

/** What OpenAI's chat can say. */
const usual: readonly Field[] = [
  'n',
  'stop',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'seed',
  'logprobs',
  'top_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'verbosity',
]

/** What a provider can say, from what it adds and what it leaves out. */
export function fieldsOf(names: ChatOptions['fields'] = {}): ReadonlySet<Field> {
  const entries = Object.entries(names) as [Field, string | null][]
  const without = new Set(entries.filter(([, name]) => name === null).map(([field]) => field))
  const added = entries.filter(([, name]) => name !== null).map(([field]) => field)
  return new Set([...usual.filter((field) => !without.has(field)), ...added])
}

interface Target {
  readonly provider: string
  readonly stream: boolean
  readonly options: ChatOptions
  readonly can: ReadonlySet<Field>
}

export function chatBody(asked: GenerateRequest, { provider, stream, options, can }: Target): object {
  const request = can.has('reasoning_effort') && !can.has('reasoning_tokens') ? thinkingInWords(asked) : asked
  refuseUnsupported(request, provider, can)
  if (request.input.kind !== 'chat') throw unsupported('prompt', provider, 'send messages')
  const { n, stop, maxOutputTokens: max, topLogprobs: top, tools = [] } = request
  const { fields = {} } = options
  return {
    ...options.extraBody,
    model: request.model,
    messages: chatMessages(request.input.messages, { provider, options }),
    ...(stream && {
      stream: true,
      ...(options.streamOptions !== false && { stream_options: { include_usage: true } }),
    }),
    ...(n > 1 && { n }),
    ...(max !== undefined && { [options.maxTokens ?? 'max_tokens']: max }),
    ...(stop.length > 0 && { stop }),
    ...openaiSampling(request.sampling, fields),
    // A log probability of each token is reported without alternatives where none are asked for.
    ...(top !== undefined && { logprobs: true, ...(top > 0 && { top_logprobs: top }) }),
    ...(tools.length > 0 && toolFields(request, tools, fields)),
    ...(request.responseFormat && formatFields(request.responseFormat, provider, options)),
    ...(request.grammar !== undefined && named(fields, 'grammar', request.grammar)),
    ...(request.ignoreEnd === true && named(fields, 'ignore_eos', true)),
    ...(request.reasoningEffort !== undefined && named(fields, 'reasoning_effort', request.reasoningEffort)),
    ...(request.reasoningTokens !== undefined && named(fields, 'reasoning_tokens', request.reasoningTokens)),
    ...(request.verbosity !== undefined && fields.verbosity !== null && named(fields, 'verbosity', request.verbosity)),
    ...(request.templateVariables && named(fields, 'chat_template_kwargs', request.templateVariables)),
    ...told(request, options.tells ?? []),
  }
}

/** A name with a dot is one within another: `reasoning.max_tokens`. */
function named(fields: NonNullable<ChatOptions['fields']>, field: Field, value: unknown): object {
  const names = (fields[field] ?? field).split('.')
  return names.reduceRight<object>((inner, name) => ({ [name]: inner }), value as object)
}

function toolFields(
  { toolChoice, parallelToolCalls }: GenerateRequest,
  tools: readonly Tool[],
  fields: NonNullable<ChatOptions['fields']>,
): object {
  return {
    tools: tools.map(({ name, description, parameters, strict }) => ({
      type: 'function',
      function: {
        name,
        ...(description !== undefined && { description }),
        // A schema that is only `true` or `false` is none that OpenAI's API knows.
        ...(typeof parameters === 'object' && { parameters }),
        ...(strict !== undefined && { strict }),
      },
    })),
    // What is left of it where a provider does not know the field is what happens anyway.
    ...(toolChoice !== undefined && fields.tool_choice !== null && { tool_choice: choiceBody(toolChoice) }),
    ...(parallelToolCalls !== undefined &&
      fields.parallel_tool_calls !== null && { parallel_tool_calls: parallelToolCalls }),
  }
}

function choiceBody(choice: ToolChoice): unknown {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } }
}

function formatFields(format: ResponseFormat, provider: string, options: ChatOptions): object {
  switch (format.type) {
    case 'text':
      return {}
    case 'json':
      return { response_format: { type: 'json_object' } }
    case 'json-schema': {
      if (options.jsonSchema === false) {
        throw unsupported('response_format.json_schema', provider, "use response_format: {type: 'json_object'}")
      }
      const { name, schema, strict } = format
      return { response_format: { type: 'json_schema', json_schema: { name, schema, strict } } }
    }
  }
}

function told(request: GenerateRequest, tells: readonly TellingField[]): object {
  const values: Record<TellingField, unknown> = {
    user: request.endUser,
    safety_identifier: request.endUser,
    prompt_cache_key: request.promptCacheKey,
    metadata: request.metadata,
    service_tier: request.serviceTier,
  }
  return Object.fromEntries(tells.flatMap((field) => (values[field] === undefined ? [] : [[field, values[field]]])))
}
