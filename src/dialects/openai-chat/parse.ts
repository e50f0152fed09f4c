// https://platform.openai.com/docs/api-reference/chat/create
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { Message } from '../../canonical/request.ts'
import type { Dialect } from '../dialect.ts'
import { parseBody, sharedParameters, sharedRequest, text } from '../openai/parameters.ts'
import { ChatWriter } from './render.ts'

const textPart = z.strictObject({ type: z.literal('text', 'only text content is supported yet'), text })
const content = z.union([text, z.array(textPart).min(1)])

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant'], 'must be one of system, developer, user, assistant'),
  content,
  name: text.max(64).optional(),
})

const body = z.object({
  ...sharedParameters,
  messages: z.array(message).min(1, 'needs at least one message'),
  max_completion_tokens: z.int().min(1).optional(),
  logprobs: z.boolean().default(false),
  top_logprobs: z.int().min(0).max(20).optional(),
})

export const openaiChat: Dialect = {
  name: 'openai-chat',
  path: '/v1/chat/completions',
  parse(input) {
    const parsed = parseBody(body, input)
    const { stream, stream_options: options, logprobs, top_logprobs: top, max_tokens: old } = parsed
    const max = parsed.max_completion_tokens ?? old
    if (old !== undefined && old !== max) {
      const message = 'max_tokens and max_completion_tokens differ. Remedy: send one of them.'
      throw new InferloomError('invalid_value', message, { param: 'max_tokens' })
    }
    if (top !== undefined && !logprobs) {
      throw new InferloomError('invalid_value', 'top_logprobs needs logprobs: true.', { param: 'top_logprobs' })
    }
    return {
      stream,
      request: {
        ...sharedRequest(parsed),
        input: { kind: 'chat', messages: parsed.messages.map(canonicalMessage) },
        ...(max !== undefined && { maxOutputTokens: max }),
        ...(logprobs && { topLogprobs: top ?? 0 }),
      },
      writer: (id) =>
        new ChatWriter({ id, model: parsed.model, logprobs, includeUsage: options?.include_usage ?? false }),
    }
  },
}

function canonicalMessage({ role, content, name }: z.infer<typeof message>): Message {
  return {
    // OpenAI's newer name for the same thing: https://platform.openai.com/docs/guides/text#message-roles-and-instruction-following
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map((part) => part.text).join(''),
    ...(name !== undefined && { name }),
  }
}
