// https://platform.claude.com/docs/en/api/messages/create and …/build-with-claude/working-with-messages
import { z } from 'zod'
import type { CacheMark, Message, ReasoningBlock, Sealed, ToolCall } from '../../canonical/request.ts'
import { freeObject, text, withoutNulls } from '../parse-body.ts'
import { cacheControl, cacheMark, contentOf, part, textBlock, textBlocks, type PartBlock } from './content.ts'
import { sealedBlock, wire } from './sealed-thinking.ts'

const toolId = text.min(1).max(256)

const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: toolId,
  content: z.union([text, z.array(part)]).default(''),
  is_error: z.boolean().default(false),
  cache_control: cacheControl.optional(),
})

const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: toolId,
  name: text.min(1).max(200),
  input: freeObject,
  // Anthropic writes it in every call; who else could have called is refused with the tools.
  caller: z.strictObject({ type: z.literal('direct', 'only calls of the model itself can be sent here') }).optional(),
  cache_control: cacheControl.optional(),
})

const thinking = z.strictObject({ type: z.literal('thinking'), thinking: text, signature: z.string().default('') })
const redacted = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) })

/** By the role whose messages may hold it; everything else only Anthropic can read. */
export const blockTypes = {
  user: ['text', 'image', 'document', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
  system: ['text'],
} as const

const userBlock = withoutNulls(z.union([part, toolResult]))
const assistantBlock = withoutNulls(z.discriminatedUnion('type', [textBlock, thinking, redacted, toolUse]))

export const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.literal('user'), content: z.union([text, z.array(userBlock)]) }),
    z.strictObject({ role: z.literal('assistant'), content: z.union([text, z.array(assistantBlock)]) }),
    z.strictObject({ role: z.literal('system'), content: z.union([text, textBlocks]) }),
  ],
  'must be one of user, assistant, system',
)

export const system = z.union([text, textBlocks])

type Given = z.infer<typeof message>

/** One message of this wire is several here where it holds results of tools. */
export function canonicalMessages(given: Given): Message[] {
  const { role, content } = given
  if (typeof content === 'string') return [{ role, content }]
  switch (role) {
    case 'system':
      return [systemMessage(content)]
    case 'assistant':
      return [assistantMessage(content)]
    case 'user':
      return userMessages(content)
  }
}

export function systemMessage(content: z.infer<typeof system>): Message {
  // Blocks of instructions are texts of their own.
  return { role: 'system', content: typeof content === 'string' ? content : contentOf(content, '\n') }
}

function userMessages(blocks: readonly (PartBlock | z.infer<typeof toolResult>)[]): Message[] {
  const messages: Message[] = []
  let own: PartBlock[] = []
  const flush = () => {
    if (own.length > 0) messages.push({ role: 'user', content: contentOf(own, '\n') })
    own = []
  }
  for (const block of blocks) {
    if (block.type !== 'tool_result') {
      own.push(block)
      continue
    }
    flush()
    messages.push(resultMessage(block))
  }
  flush()
  // A message without content is one all the same.
  return messages.length > 0 ? messages : [{ role: 'user', content: '' }]
}

function resultMessage({ tool_use_id, content, is_error, cache_control }: z.infer<typeof toolResult>): Message {
  const given = typeof content === 'string' ? content : contentOf(content, '\n')
  return {
    role: 'tool',
    toolCallId: tool_use_id,
    content: cache_control ? marked(given, cacheMark(cache_control)) : given,
    ...(is_error && { toolFailed: true }),
  }
}

/** A mark on the whole is one on its last part. */
export function marked(content: Message['content'], mark: { readonly cache?: CacheMark }): Message['content'] {
  if (typeof content === 'string') return [{ type: 'text', text: content, ...mark }]
  return content.map((each, index) => (index === content.length - 1 ? { ...each, ...mark } : each))
}

function assistantMessage(blocks: readonly z.infer<typeof assistantBlock>[]): Message {
  const texts: PartBlock[] = []
  const toolCalls: ToolCall[] = []
  const thoughts: ReasoningBlock[] = []
  let seal: Sealed | undefined
  for (const block of blocks) {
    if (block.type === 'text') texts.push(block)
    else if (block.type === 'redacted_thinking') thoughts.push({ text: '', encrypted: { wire, value: block.data } })
    else if (block.type === 'thinking') {
      const { block: thought, call } = sealedBlock(block.thinking, block.signature)
      if (thought.text !== '' || Object.keys(thought).length > 1) thoughts.push(thought)
      seal = call ?? seal
    } else {
      const { id, name, input, cache_control: control } = block
      toolCalls.push({
        id,
        name,
        arguments: JSON.stringify(input),
        ...(seal && { signature: seal }),
        ...cacheMark(control),
      })
      seal = undefined
    }
  }
  const reasoning = thoughts.map((thought) => thought.text).join('')
  return {
    role: 'assistant',
    // The pieces of one answer, which Anthropic cuts where it cites.
    content: contentOf(texts, ''),
    ...(reasoning !== '' && { reasoning }),
    ...(thoughts.some((each) => each.signature ?? each.encrypted) && { reasoningBlocks: thoughts }),
    ...(toolCalls.length > 0 && { toolCalls }),
  }
}
