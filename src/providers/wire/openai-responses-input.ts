// https://developers.openai.com/api/reference/resources/responses/methods/create (input)
import type { Message, Part, ReasoningBlock } from '../../canonical/request.ts'
import { unsupported } from './unsupported.ts'

export const wireName = 'openai-responses'

export function responsesInput(messages: readonly Message[], provider: string): readonly object[] {
  return messages.flatMap((message, index) => itemsOf(message, `messages[${index}]`, provider))
}

function itemsOf(message: Message, at: string, provider: string): readonly object[] {
  // Of a result it is the function's, which its call has named already.
  if (message.name !== undefined && message.role !== 'tool') throw unsupported(`${at}.name`, provider)
  switch (message.role) {
    case 'system':
      return [{ type: 'message', role: 'developer', content: contentOf(message, at, provider) }]
    case 'user':
      return [{ type: 'message', role: 'user', content: contentOf(message, at, provider) }]
    case 'tool': {
      const output = contentOf(message, at, provider)
      return [{ type: 'function_call_output', call_id: message.toolCallId ?? '', output }]
    }
    case 'assistant':
      return turnOf(message, at, provider)
  }
}

function turnOf(message: Message, at: string, provider: string): readonly object[] {
  const { reasoningBlocks = [], toolCalls = [], content } = message
  const text = typeof content === 'string' ? content : content.map((part) => textOf(part, at, provider)).join('')
  return [
    ...reasoningBlocks.flatMap(reasoningItem),
    ...(text === '' ? [] : [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }]),
    ...toolCalls.map(({ id, name, arguments: given }) => ({
      type: 'function_call',
      call_id: id,
      name,
      arguments: given,
    })),
  ]
}

/** Thoughts go back as they were encrypted, under their own id; what other wires sealed is not OpenAI's to read. */
function reasoningItem({ text, id, encrypted }: ReasoningBlock): readonly object[] {
  if (encrypted?.wire !== wireName || id === undefined) return []
  const summary = text === '' ? [] : [{ type: 'summary_text', text }]
  return [{ type: 'reasoning', id, summary, encrypted_content: encrypted.value }]
}

function textOf(part: Part, at: string, provider: string): string {
  if (part.type === 'text') return part.text
  throw unsupported(`${at}.content`, provider, `send the ${part.type} in a user's message: an answer holds text alone`)
}

function contentOf({ content, role }: Message, at: string, provider: string): unknown {
  if (typeof content === 'string') return content
  return content.map((part, index) => {
    const place = `${at}.content[${index}]`
    if (role === 'system') return { type: 'input_text', text: textOf(part, at, provider) }
    switch (part.type) {
      case 'text':
        return { type: 'input_text', text: part.text }
      case 'image':
        return { type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto' }
      case 'file':
        if (!part.url.startsWith('data:')) return { type: 'input_file', file_url: part.url }
        return { type: 'input_file', filename: part.name ?? 'document.pdf', file_data: part.url }
      case 'audio':
        throw unsupported(place, provider, 'send what was said as text')
    }
  })
}
