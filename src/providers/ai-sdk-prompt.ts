// https://github.com/vercel/ai/blob/main/packages/provider/src/language-model/v4/language-model-v4-prompt.ts
import { InferloomError } from '../canonical/errors.ts'
import type { AudioPart, FilePart, ImagePart, Message, Part, Sealed, ToolCall } from '../canonical/request.ts'
import type { Spec } from './ai-sdk-spec.ts'
import { isRecord } from './wire/fields.ts'
import { unsupported } from './wire/unsupported.ts'

type Fields = Readonly<Record<string, unknown>>

interface Target {
  readonly provider: string
  readonly spec: Spec
  /** Whose seals are its own. */
  readonly wire: string
}

export function aiSdkPrompt(messages: readonly Message[], target: Target): readonly Fields[] {
  const names = new Map(messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id, name }) => [id, name] as const)))
  return messages.map((message, index): Fields => {
    const at = `messages[${index}]`
    const { role } = message
    switch (role) {
      case 'system':
        return { role, content: textOf(message, at, target.provider) }
      case 'user':
        return { role, content: partsOf(message).map((part, each) => partOf(part, `${at}.content[${each}]`, target)) }
      case 'assistant':
        return { role, content: turnOf(message, at, target) }
      case 'tool':
        return { role, content: [resultOf(message, at, names, target.provider)] }
    }
  })
}

function partsOf({ content }: Message): readonly Part[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

function textOf(message: Message, at: string, provider: string): string {
  return partsOf(message)
    .map((part, index) => {
      if (part.type === 'text') return part.text
      throw unsupported(`${at}.content[${index}] of type ${part.type}`, provider, 'send it as a user')
    })
    .join('')
}

function partOf(part: Part, at: string, { provider, spec }: Target): Fields {
  if (part.type === 'text') return { type: 'text', text: part.text }
  const { mediaType, data } = dataOf(part, at, provider)
  const tagged = typeof data === 'string' ? { type: 'data', data } : { type: 'url', url: data }
  return {
    type: 'file',
    mediaType,
    data: spec.taggedData ? tagged : data,
    ...(part.type === 'file' && part.name !== undefined && { filename: part.name }),
  }
}

/** The kind of what is to be fetched is not known before; the whole of its class is what the specification knows for it. */
const classes = { image: 'image/*', file: 'application/pdf', audio: 'audio/*' } as const

function dataOf({ type, url }: ImagePart | FilePart | AudioPart, at: string, provider: string) {
  const inline = /^data:([a-z\d.+-]+\/[a-z\d.+-]+)(?:;[^,;]+)*;base64,/i.exec(url.slice(0, 200))
  if (inline?.[1] !== undefined) return { mediaType: inline[1].toLowerCase(), data: url.slice(inline[0].length) }
  const data = url.startsWith('https:') || url.startsWith('http:') ? URL.parse(url) : null
  if (data) return { mediaType: classes[type], data }
  throw unsupported(`${at} at such an address`, provider, 'send https://… or data:<media type>;base64,…')
}

/** Thoughts go back only as what the package wants to see again; others it would warn of. */
function turnOf(message: Message, at: string, target: Target): readonly Fields[] {
  const { reasoningBlocks = [], toolCalls = [] } = message
  const thoughts = reasoningBlocks.flatMap(({ text, signature }): Fields[] =>
    signature?.wire === target.wire ? [{ type: 'reasoning', text, ...optionsOf(signature, target) }] : [],
  )
  const text = textOf(message, at, target.provider)
  return [
    ...thoughts,
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...toolCalls.map((call, index) => callOf(call, `${at}.tool_calls[${index}]`, target)),
  ]
}

function callOf({ id, name, arguments: text, signature }: ToolCall, at: string, target: Target): Fields {
  const input = objectOf(text, `${at}.function.arguments`)
  return { type: 'tool-call', toolCallId: id, toolName: name, input, ...optionsOf(signature, target) }
}

function objectOf(text: string, param: string): object {
  const value = text.trim() === '' ? {} : jsonOf(text)
  if (isRecord(value)) return value
  const message = `${param} is not a JSON object, and this provider takes nothing else. Remedy: send the arguments as an object.`
  throw new InferloomError('invalid_value', message, { param })
}

/** What a package attached to its answer is what it wants back with it. */
function optionsOf(seal: Sealed | undefined, { wire }: Target): Fields {
  const value = seal?.wire === wire ? jsonOf(seal.value) : undefined
  return isRecord(value) ? { providerOptions: value } : {}
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function resultOf(message: Message, at: string, names: ReadonlyMap<string, string>, provider: string): Fields {
  const { toolCallId = '', toolFailed = false } = message
  const toolName = names.get(toolCallId)
  if (toolName === undefined) {
    const text = `${at}.tool_call_id answers no call of this conversation. Remedy: send the message with the call before it.`
    throw new InferloomError('invalid_value', text, { param: `${at}.tool_call_id` })
  }
  const output = { type: toolFailed ? 'error-text' : 'text', value: textOf(message, at, provider) }
  return { type: 'tool-result', toolCallId, toolName, output }
}
