import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest } from '../../canonical/request.ts'

type Used = (request: GenerateRequest) => boolean

/** What changes an answer and not every wire can say, by the name that clients know it by, and when a request asks for it. */
const fields = {
  prompt: ({ input }) => input.kind === 'text',
  n: ({ n }) => n > 1,
  stop: ({ stop }) => stop.length > 0,
  temperature: ({ sampling }) => sampling.temperature !== undefined,
  top_p: ({ sampling }) => sampling.topP !== undefined,
  // A value that switches something off asks for what happens anyway.
  top_k: ({ sampling }) => (sampling.topK ?? 0) !== 0,
  min_p: ({ sampling }) => (sampling.minP ?? 0) !== 0,
  repeat_penalty: ({ sampling }) => (sampling.repeatPenalty ?? 1) !== 1,
  repeat_last_n: ({ sampling }) => sampling.repeatLastN !== undefined && (sampling.repeatPenalty ?? 1) !== 1,
  presence_penalty: ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0,
  frequency_penalty: ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0,
  logit_bias: ({ sampling }) => (sampling.logitBias?.size ?? 0) > 0,
  seed: ({ sampling }) => sampling.seed !== undefined,
  logprobs: ({ topLogprobs }) => topLogprobs !== undefined,
  top_logprobs: ({ topLogprobs }) => (topLogprobs ?? 0) > 0,
  tools: ({ tools }) => (tools?.length ?? 0) > 0,
  tool_choice: ({ tools, toolChoice }) => (toolChoice ?? 'auto') !== 'auto' && (tools?.length ?? 0) > 0,
  parallel_tool_calls: ({ tools, parallelToolCalls }) => parallelToolCalls === false && (tools?.length ?? 0) > 0,
  response_format: ({ responseFormat }) => responseFormat !== undefined && responseFormat.type !== 'text',
  ignore_eos: ({ ignoreEnd }) => ignoreEnd === true,
  grammar: ({ grammar }) => grammar !== undefined,
  reasoning_effort: ({ reasoningEffort }) => reasoningEffort !== undefined,
  reasoning_tokens: ({ reasoningTokens }) => reasoningTokens !== undefined,
  // The middle is how every model answers that is asked for nothing.
  verbosity: ({ verbosity }) => verbosity !== undefined && verbosity !== 'medium',
  chat_template_kwargs: ({ templateVariables }) => Object.keys(templateVariables ?? {}).length > 0,
} satisfies Record<string, Used>

export type Field = keyof typeof fields

/** What wires that are not OpenAI's usually can say. */
export const widelyKnown: readonly Field[] = [
  'stop',
  'temperature',
  'top_p',
  'top_k',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'tools',
  'tool_choice',
  'response_format',
]

/** Throws for the first thing a request asks for that a wire does not name among what it can say. */
export function refuseUnsupported(request: GenerateRequest, provider: string, can: ReadonlySet<Field>): void {
  for (const [field, used] of Object.entries(fields) as [Field, Used][]) {
    if (!can.has(field) && used(request)) throw unsupported(field, provider)
  }
}

/** `param` is the field at fault; `remedy` says what to do instead of leaving it out. */
export function unsupported(param: string, provider: string, remedy = `leave ${param} out`): InferloomError {
  const message = `The provider '${provider}' has nothing for ${param}. Remedy: ${remedy}, or use another model.`
  return new InferloomError('unsupported_parameter', message, { param })
}
