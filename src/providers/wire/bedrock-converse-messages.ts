// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
import { InferloomError } from '../../canonical/errors.ts'
import type { CacheMark, FilePart, Message, Part, ToolCall } from '../../canonical/request.ts'
import { inlineData } from './data-url.ts'
import { unsupported } from './unsupported.ts'

export type Block = Readonly<Record<string, unknown>>

interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: Block[]
}

/** A conversation as Converse wants it: instructions apart, and users and assistants in turns. */
export function converseMessages(
  messages: readonly Message[],
  provider: string,
): { system: Block[]; messages: Turn[] } {
  const system: Block[] = []
  const turns: Turn[] = []
  let documents = 0
  const nameOf = ({ name }: FilePart) => documentName(name, ++documents)
  messages.forEach((message, index) => {
    const at = `messages[${index}]`
    const blocks = blocksOf(message, { at, provider, nameOf })
    if (message.role === 'system') return void system.push(...blocks)
    // The results of tools are the user's to send.
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else if (blocks.length > 0) turns.push({ role, content: blocks })
  })
  return { system, messages: turns }
}

interface Place {
  readonly at: string
  readonly provider: string
  readonly nameOf: (file: FilePart) => string
}

function blocksOf(message: Message, place: Place): Block[] {
  const content = contentOf(message.content, place)
  switch (message.role) {
    case 'system':
    case 'user':
      return content
    case 'assistant':
      return [
        ...thoughtsOf(message),
        ...content,
        ...(message.toolCalls ?? []).map((call, index) => toolUse(call, `${place.at}.tool_calls[${index}]`)),
      ]
    case 'tool':
      return resultOf(message, content)
  }
}

/** What marks a place in the prompt stands after the result, not inside it. */
function resultOf({ toolCallId, toolFailed }: Message, content: readonly Block[]): Block[] {
  const marks = content.filter((block) => 'cachePoint' in block)
  const rest = content.filter((block) => !('cachePoint' in block))
  const status = toolFailed === true ? { status: 'error' } : {}
  // An empty result is none to Converse.
  return [
    { toolResult: { toolUseId: toolCallId, content: rest.length > 0 ? rest : [{ text: '(empty)' }], ...status } },
    ...marks,
  ]
}

/** Only thoughts that this wire signed or encrypted: it refuses any other. */
function thoughtsOf({ reasoningBlocks = [] }: Message): Block[] {
  return reasoningBlocks.flatMap(({ text, signature, encrypted }): Block[] => {
    if (encrypted?.wire === wire) return [{ reasoningContent: { redactedContent: encrypted.value } }]
    if (signature?.wire !== wire) return []
    return [{ reasoningContent: { reasoningText: { text, signature: signature.value } } }]
  })
}

export const wire = 'bedrock-converse'

function toolUse({ id, name, arguments: text }: ToolCall, at: string): Block {
  return { toolUse: { toolUseId: id, name, input: argumentsOf(text, `${at}.function.arguments`) } }
}

/** Converse takes an object where other wires take the model's own text. */
function argumentsOf(text: string, param: string): object {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // It is refused below.
  }
  const message = `${param} is not a JSON object, and this provider takes nothing else. Remedy: send the arguments as an object.`
  throw new InferloomError('invalid_value', message, { param })
}

/** Blank texts are left out: Converse refuses them, and they say nothing. */
function contentOf(content: Message['content'], place: Place): Block[] {
  if (typeof content === 'string') return content.trim() === '' ? [] : [{ text: content }]
  return content.flatMap((part, index) => {
    const blocks = partOf(part, `${place.at}.content[${index}]`, place)
    return part.cache ? [...blocks, cachePoint(part.cache)] : blocks
  })
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html */
export function cachePoint({ lifetime }: CacheMark): Block {
  return { cachePoint: { type: 'default', ...(lifetime !== undefined && { ttl: lifetime }) } }
}

function partOf(part: Part, at: string, { provider, nameOf }: Place): Block[] {
  if (part.type === 'text') return part.text.trim() === '' ? [] : [{ text: part.text }]
  const { mediaType, base64 } = inlineData(part.url, at, provider)
  const format = formats[part.type][mediaType]
  if (format === undefined) {
    const known = Object.keys(formats[part.type]).join(', ')
    throw unsupported(`${at} of type ${mediaType}`, provider, `send one of ${known}`)
  }
  const block = { format, source: { bytes: base64 } }
  if (part.type === 'file') return [{ document: { name: nameOf(part), ...block } }]
  return [part.type === 'image' ? { image: block } : { audio: block }]
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html and its siblings. */
const formats: Readonly<Record<'image' | 'file' | 'audio', Readonly<Record<string, string>>>> = {
  image: { 'image/png': 'png', 'image/jpeg': 'jpeg', 'image/jpg': 'jpeg', 'image/gif': 'gif', 'image/webp': 'webp' },
  file: {
    'application/pdf': 'pdf',
    'text/csv': 'csv',
    'application/msword': 'doc',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'text/html': 'html',
    'text/plain': 'txt',
    'text/markdown': 'md',
  },
  audio: { 'audio/wav': 'wav', 'audio/x-wav': 'wav', 'audio/mpeg': 'mp3', 'audio/mp3': 'mp3', 'audio/flac': 'flac' },
}

/** Converse wants a name for each, all different, of few characters: letters, digits, single blanks, - ( ) [ ]. */
function documentName(name: string | undefined, count: number): string {
  const plain = (name ?? '')
    .slice(0, 150)
    .replaceAll(/\.[a-z0-9]+$/gi, '')
    .replaceAll(/[^a-zA-Z0-9\-()[\]]+/g, ' ')
    .trim()
  return plain === '' ? `document ${count}` : `${plain} (${count})`
}
