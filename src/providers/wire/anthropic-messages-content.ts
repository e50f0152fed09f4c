// https://platform.claude.com/docs/en/api/messages/create
import { InferloomError } from '../../canonical/errors.ts'
import type { CacheMark, FilePart, ImagePart, Message, Part, ToolCall } from '../../canonical/request.ts'
import { inlineData } from './data-url.ts'
import { isRecord } from './fields.ts'
import { unsupported } from './unsupported.ts'

export const wire = 'anthropic-messages'

export type Block = Readonly<Record<string, unknown>>

interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: Block[]
}

/**
 * A conversation as this wire wants it: instructions apart wherever they stood, users and assistants in turns. What
 * follows one another in one role is one turn to Anthropic too.
 */
export function messagesOf(
  messages: readonly Message[],
  provider: string,
): { readonly system: Block[]; readonly messages: Turn[] } {
  const system: Block[] = []
  const turns: Turn[] = []
  messages.forEach((message, index) => {
    const blocks = blocksOf(message, `messages[${index}]`, provider)
    if (message.role === 'system') return void system.push(...blocks)
    // The results of tools are the user's to send.
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else if (blocks.length > 0) turns.push({ role, content: blocks })
  })
  return { system, messages: turns }
}

function blocksOf(message: Message, at: string, provider: string): Block[] {
  const content = contentOf(message.content, at, provider)
  switch (message.role) {
    case 'system':
    case 'user':
      return content
    case 'assistant':
      return [...thoughtsOf(message), ...content, ...(message.toolCalls ?? []).map(toolUse)]
    case 'tool':
      return [resultOf(message, content)]
  }
}

/** A mark within a result is one on the result: https://platform.claude.com/docs/en/build-with-claude/prompt-caching */
function resultOf({ toolCallId, toolFailed, content: given }: Message, content: readonly Block[]): Block {
  const mark = typeof given === 'string' ? undefined : given.findLast(({ cache }) => cache)?.cache
  const blocks = content.map((block) => {
    const { cache_control: _, ...rest } = block
    return rest
  })
  return {
    type: 'tool_result',
    tool_use_id: toolCallId,
    ...(blocks.length > 0 && { content: blocks }),
    ...(toolFailed === true && { is_error: true }),
    ...cacheControl(mark),
  }
}

/** Only thoughts that this wire sealed: it refuses any other. */
function thoughtsOf({ reasoningBlocks = [] }: Message): Block[] {
  return reasoningBlocks.flatMap(({ text, signature, encrypted }): Block[] => {
    if (encrypted?.wire === wire) return [{ type: 'redacted_thinking', data: encrypted.value }]
    return signature?.wire === wire ? [{ type: 'thinking', thinking: text, signature: signature.value }] : []
  })
}

function toolUse({ id, name, arguments: text, cache }: ToolCall): Block {
  return { type: 'tool_use', id, name, input: inputOf(text), ...cacheControl(cache) }
}

/**
 * This wire takes an object where a model wrote text, which may be no JSON or be cut. It then goes under this name:
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
 */
function inputOf(text: string): object {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return value
  } catch {
    // It is passed on as text.
  }
  return { INVALID_JSON: text }
}

export function cacheControl(mark: CacheMark | undefined): Block {
  if (mark === undefined) return {}
  return { cache_control: { type: 'ephemeral', ...(mark.lifetime !== undefined && { ttl: mark.lifetime }) } }
}

/** Blank texts are left out: Anthropic refuses them, and they say nothing. A mark on one goes to what is before it. */
function contentOf(content: Message['content'], at: string, provider: string): Block[] {
  if (typeof content === 'string') return content.trim() === '' ? [] : [{ type: 'text', text: content }]
  const blocks: Block[] = []
  content.forEach((part, index) => {
    const mark = cacheControl(part.cache)
    if (part.type !== 'text' || part.text.trim() !== '') {
      blocks.push({ ...partOf(part, `${at}.content[${index}]`, provider), ...mark })
    } else if (blocks.length > 0) blocks.push({ ...blocks.pop(), ...mark })
  })
  return blocks
}

function partOf(part: Part, at: string, provider: string): Block {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text }
    case 'image':
      return { type: 'image', source: sourceOf(part, at, provider) }
    case 'file': {
      const source = sourceOf(part, at, provider)
      return { type: 'document', source, ...(part.name !== undefined && { title: part.name }) }
    }
    case 'audio':
      throw unsupported(`audio in ${at}`, provider, 'leave it out')
  }
}

const mediaTypes = {
  image: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
  // https://platform.claude.com/docs/en/build-with-claude/pdf-support and …/citations#document-types
  file: ['application/pdf', 'text/plain'],
}

function sourceOf(part: ImagePart | FilePart, at: string, provider: string): Block {
  if (/^https?:/i.test(part.url)) return { type: 'url', url: part.url }
  const { mediaType: given, base64: data } = inlineData(part.url, at, provider)
  const mediaType = given === 'image/jpg' ? 'image/jpeg' : given
  const known = mediaTypes[part.type]
  if (!known.includes(mediaType)) {
    throw unsupported(`${at} of type ${mediaType}`, provider, `send one of ${known.join(', ')}`)
  }
  if (mediaType !== 'text/plain') return { type: 'base64', media_type: mediaType, data }
  const text = Buffer.from(data, 'base64').toString()
  if (text.trim() !== '') return { type: 'text', media_type: mediaType, data: text }
  throw new InferloomError('invalid_value', `${at} is an empty document. Remedy: leave it out.`, { param: at })
}
