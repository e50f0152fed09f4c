// https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages
import type { CacheMark, Message, Part, ToolCall } from '../../canonical/request.ts'
import { inlineData } from './data-url.ts'
import type { ChatOptions } from './openai-chat-options.ts'
import { detailsOf } from './openai-chat-thoughts.ts'
import { unsupported } from './unsupported.ts'

interface Context {
  readonly provider: string
  readonly options: ChatOptions
}

export function chatMessages(messages: readonly Message[], context: Context): readonly object[] {
  return messages.map((message, index) => chatMessage(message, `messages[${index}]`, context))
}

function chatMessage(message: Message, at: string, context: Context): object {
  const { name } = message
  const named = name === undefined ? {} : { name }
  switch (message.role) {
    case 'system':
      return {
        role: context.options.systemRole ?? 'system',
        content: textOnly(message, at, context, 'a system message'),
        ...named,
      }
    case 'user':
      return { role: 'user', content: content(message.content, at, context), ...named }
    case 'assistant':
      return { role: 'assistant', ...turn(message, at, context), ...named }
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: message.toolCallId ?? '',
        content: textOnly(message, at, context, "a tool's result"),
        ...named,
      }
  }
}

function turn(message: Message, at: string, context: Context): object {
  const { toolCalls = [], reasoning } = message
  const text = textOnly(message, at, context, 'an answer')
  const field = context.options.reasoning
  const details = context.options.reasoningDetails ? detailsOf(message) : []
  return {
    content: text === '' && toolCalls.length > 0 ? null : text,
    ...(field !== undefined && reasoning !== undefined && reasoning !== '' && { [field]: reasoning }),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(toolCallBody) }),
  }
}

function toolCallBody({ id, name, arguments: text }: ToolCall) {
  return { id, type: 'function', function: { name, arguments: text } }
}

/** Of these messages OpenAI's API takes text alone. */
function textOnly({ content: given }: Message, at: string, context: Context, what: string): unknown {
  if (typeof given === 'string') return given
  const other = given.findIndex((part) => part.type !== 'text')
  if (other !== -1) {
    const remedy = `send the ${given[other]?.type} in a user's message: ${what} holds text alone`
    throw unsupported(`${at}.content[${other}]`, context.provider, remedy)
  }
  return content(given, at, context)
}

function content(given: Message['content'], at: string, context: Context): unknown {
  if (typeof given === 'string') return given
  const marked = context.options.cacheMarks === true && given.some((part) => part.cache)
  if (!marked && given.every((part) => part.type === 'text')) return given.map((part) => part.text).join('')
  return given.map((part, index) => ({
    ...partBody(part, `${at}.content[${index}]`, context),
    ...(marked && part.cache && { cache_control: cacheControl(part.cache) }),
  }))
}

function partBody(part: Part, at: string, { provider }: Context): object {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text }
    case 'image': {
      const { url, detail } = part
      return { type: 'image_url', image_url: { url, ...(detail !== undefined && { detail }) } }
    }
    case 'file': {
      inlineData(part.url, at, provider)
      const extension = part.url.startsWith('data:application/pdf') ? '.pdf' : ''
      return { type: 'file', file: { filename: part.name ?? `document${extension}`, file_data: part.url } }
    }
    case 'audio': {
      const { mediaType, base64 } = inlineData(part.url, at, provider)
      return { type: 'input_audio', input_audio: { data: base64, format: audioFormat(mediaType) } }
    }
  }
}

/** https://platform.openai.com/docs/guides/audio: `wav` or `mp3`; others know more, by the same kind of name. */
function audioFormat(mediaType: string): string {
  const subtype = mediaType.slice(mediaType.indexOf('/') + 1).replace(/^x-/, '')
  return subtype === 'mpeg' ? 'mp3' : subtype === 'wave' ? 'wav' : subtype
}

/** https://openrouter.ai/docs/guides/best-practices/prompt-caching */
function cacheControl({ lifetime }: CacheMark) {
  return { type: 'ephemeral', ...(lifetime === '1h' && { ttl: lifetime }) }
}
