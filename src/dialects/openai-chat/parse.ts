// https://platform.openai.com/docs/api-reference/chat/create
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import type { Dialect } from '../dialect.ts'
import { errorEvent } from '../openai/error-body.ts'
import { freeObject, parseBody, sharedParameters, sharedRequest, text, tierOf } from '../openai/parameters.ts'
import { canonicalMessage, messages } from './messages.ts'
import { ChatWriter } from './render.ts'
import { canonicalFormat, responseFormat } from './response-format.ts'
import { carriesSealed } from './sealed-thoughts.ts'
import { canonicalTools, toolParameters } from './tools.ts'

const body = z.object({
  ...sharedParameters,
  ...toolParameters,
  messages,
  max_completion_tokens: z.int().min(1).optional(),
  logprobs: z.boolean().default(false),
  top_logprobs: z.int().min(0).max(20).optional(),
  response_format: responseFormat.optional(),
  reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
  verbosity: z.enum(['low', 'medium', 'high']).optional(),
  // Whom it is for: the older name, and the newer one.
  user: text.max(1024).optional(),
  safety_identifier: text.max(1024).optional(),
  prompt_cache_key: text.max(1024).optional(),
  metadata: z.record(text.max(64), text.max(512)).optional(),
  // llama.cpp's and vLLM's name: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
  chat_template_kwargs: freeObject.optional(),
})

type Body = z.infer<typeof body>

export const openaiChat: Dialect = {
  name: 'openai-chat',
  paths: ['/v1/chat/completions'],
  failEvent: errorEvent,
  relayable: (body) => !carriesSealed(body),
  parse(input) {
    const parsed = parseBody(body, input)
    const { stream, stream_options: options, logprobs, service_tier: tier } = parsed
    const request = canonicalRequest(parsed)
    refuseTwoForms(request)
    return {
      stream,
      request,
      writer: (id) =>
        new ChatWriter({
          id,
          model: parsed.model,
          logprobs,
          includeUsage: options?.include_usage ?? false,
          ...(tier !== undefined && { serviceTier: tierOf(tier) }),
        }),
    }
  },
}

function canonicalRequest(parsed: Body): GenerateRequest {
  const { logprobs, top_logprobs: top, reasoning_effort: effort, chat_template_kwargs: variables } = parsed
  if (top !== undefined && !logprobs) {
    throw new InferloomError('invalid_value', 'top_logprobs needs logprobs: true.', { param: 'top_logprobs' })
  }
  const { verbosity, metadata, prompt_cache_key: promptCacheKey } = parsed
  const endUser = parsed.safety_identifier ?? parsed.user
  const max = maxTokensOf(parsed)
  return {
    ...sharedRequest(parsed),
    ...canonicalTools(parsed),
    input: { kind: 'chat', messages: parsed.messages.map(canonicalMessage) },
    ...(max !== undefined && { maxOutputTokens: max }),
    ...(logprobs && { topLogprobs: top ?? 0 }),
    ...(parsed.response_format && { responseFormat: canonicalFormat(parsed.response_format) }),
    ...(effort && { reasoningEffort: effort }),
    ...(variables && { templateVariables: variables }),
    ...(verbosity && { verbosity }),
    ...(endUser !== undefined && { endUser }),
    ...(promptCacheKey !== undefined && { promptCacheKey }),
    ...(metadata && { metadata }),
  }
}

function maxTokensOf({ max_completion_tokens: newer, max_tokens: older }: Body): number | undefined {
  if (older === undefined || newer === undefined || older === newer) return newer ?? older
  const message = 'max_tokens and max_completion_tokens differ. Remedy: send one of them.'
  throw new InferloomError('invalid_value', message, { param: 'max_tokens' })
}

/** A grammar is the form of the whole answer: nothing else can have a say in it. */
function refuseTwoForms({ grammar, responseFormat: format, tools, toolChoice }: GenerateRequest): void {
  if (grammar === undefined) return
  const withFormat = format !== undefined && format.type !== 'text'
  if (!withFormat && (tools === undefined || toolChoice === 'none')) return
  const other = withFormat ? 'response_format' : 'tools'
  const message = `grammar and ${other} both say what the answer must look like. Remedy: send one of them.`
  throw new InferloomError('invalid_value', message, { param: 'grammar' })
}
