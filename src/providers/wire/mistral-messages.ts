// https://docs.mistral.ai/api/endpoint/chat
import { createHash } from 'node:crypto'
import type { Message, Part, ToolCall } from '../../canonical/request.ts'
import { inlineData } from './data-url.ts'
import { unsupported } from './unsupported.ts'

type Fields = Readonly<Record<string, unknown>>

export function mistralMessages(messages: readonly Message[], provider: string): readonly Fields[] {
  return messages.map((message, index) => messageOf(message, `messages[${index}]`, provider))
}

function messageOf(message: Message, at: string, provider: string): Fields {
  const { role, name, toolCalls = [] } = message
  const content = contentOf(message.content, at, provider)
  if (role === 'tool') {
    return { role, tool_call_id: callId(message.toolCallId ?? ''), content, ...(name !== undefined && { name }) }
  }
  if (name !== undefined) throw unsupported(`${at}.name`, provider, 'write the name into the text')
  if (role !== 'assistant') return { role, content }
  return {
    role,
    content: withThoughts(message, content),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(callOf) }),
  }
}

/** It wants its thoughts back as it wrote them: https://docs.mistral.ai/capabilities/reasoning */
function withThoughts({ reasoning }: Message, content: string | readonly Fields[]): string | readonly Fields[] {
  if (reasoning === undefined || reasoning === '') return content
  const rest = typeof content === 'string' ? (content === '' ? [] : [{ type: 'text', text: content }]) : content
  return [{ type: 'thinking', thinking: [{ type: 'text', text: reasoning }] }, ...rest]
}

function callOf({ id, name, arguments: text }: ToolCall): Fields {
  return { id: callId(id), type: 'function', function: { name, arguments: text === '' ? '{}' : text } }
}

/**
 * Ids of calls must be nine letters and digits, which those of other providers in the same conversation are not:
 * "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9."
 */
function callId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id
  return createHash('sha256').update(id).digest('hex').slice(0, 9)
}

function contentOf(content: Message['content'], at: string, provider: string): string | readonly Fields[] {
  if (typeof content === 'string') return content
  return content.map((part, index) => partOf(part, `${at}.content[${index}]`, provider))
}

function partOf(part: Part, at: string, provider: string): Fields {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text }
    case 'image':
      return { type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } }
    case 'file':
      // https://docs.mistral.ai/capabilities/document_ai/document_qna
      return {
        type: 'document_url',
        document_url: part.url,
        ...(part.name !== undefined && { document_name: part.name }),
      }
    case 'audio':
      // https://docs.mistral.ai/capabilities/audio_transcription: the bytes themselves, without their kind.
      return { type: 'input_audio', input_audio: inlineData(part.url, at, provider).base64 }
  }
}
