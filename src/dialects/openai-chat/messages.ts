// https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages
import { z } from 'zod'
import type { Message, ToolCall } from '../../canonical/request.ts'
import { text, withoutNulls } from '../openai/parameters.ts'
import { contentOf, mixed, textOnly } from './content.ts'
import { blocksOf, callSignatureOf, extraContent, reasoningDetails } from './sealed-thoughts.ts'

const name = text.max(64).optional()

const toolCall = z.strictObject({
  id: text.min(1).max(256),
  type: z.literal('function', 'only calls of functions are supported').default('function'),
  function: z.strictObject({ name: text.min(1).max(64), arguments: text.default('') }),
  // Clients that put a stream together again leave it in.
  index: z.int().optional(),
  extra_content: extraContent.optional(),
})

type GivenCall = z.infer<typeof toolCall>

const assistant = z
  .strictObject({
    role: z.literal('assistant'),
    content: textOnly.optional(),
    name,
    tool_calls: z.array(toolCall).max(128).optional(),
    // Not OpenAI's: what vLLM, llama.cpp and DeepSeek call the thoughts they answer with, so that clients send them back.
    // https://api-docs.deepseek.com/guides/reasoning_model
    reasoning_content: text.optional(),
    // OpenRouter's name for it, and Groq's: https://console.groq.com/docs/reasoning
    reasoning: text.optional(),
    reasoning_details: reasoningDetails.optional(),
    annotations: z.array(z.never()).optional(),
  })
  .refine(({ content, tool_calls: calls }) => content !== undefined || (calls?.length ?? 0) > 0, {
    path: ['content'],
    message: 'may be left out only beside tool_calls',
  })

const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.enum(['system', 'developer']), content: textOnly, name }),
    z.strictObject({ role: z.literal('user'), content: mixed, name }),
    assistant,
    z.strictObject({ role: z.literal('tool'), content: textOnly, name, tool_call_id: text.min(1).max(256) }),
  ],
  'must be one of system, developer, user, assistant, tool',
)

export const messages = z.array(withoutNulls(message)).min(1, 'needs at least one message')

export function canonicalMessage(message: z.infer<typeof messages>[number]): Message {
  const { name } = message
  return {
    // OpenAI's newer name for the same thing: https://platform.openai.com/docs/guides/text#message-roles-and-instruction-following
    role: message.role === 'developer' ? 'system' : message.role,
    content: contentOf(message.content),
    ...(name !== undefined && { name }),
    ...(message.role === 'tool' && { toolCallId: message.tool_call_id }),
    ...(message.role === 'assistant' && turnOf(message)),
  }
}

function turnOf(message: z.infer<typeof assistant>): Partial<Message> {
  const { tool_calls: calls = [], reasoning: other, reasoning_content: reasoning = other } = message
  const { reasoning_details: details = [] } = message
  const blocks = blocksOf(details)
  return {
    ...(calls.length > 0 && { toolCalls: calls.map(canonicalCall) }),
    ...(reasoning !== undefined && { reasoning }),
    ...(blocks.length > 0 && { reasoningBlocks: blocks }),
  }
}

function canonicalCall({
  id,
  function: { name: called, arguments: given },
  extra_content: extra,
}: GivenCall): ToolCall {
  const signature = callSignatureOf(extra)
  return { id, name: called, arguments: given, ...(signature && { signature }) }
}
