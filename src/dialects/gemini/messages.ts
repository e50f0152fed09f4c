// https://ai.google.dev/gemini-api/docs/function-calling
import { InferloomError } from '../../canonical/errors.ts'
import type { Message, Part, ReasoningBlock, ToolCall } from '../../canonical/request.ts'
import { mediaOf, type Content, type GeminiPart } from './content.ts'
import { unpackSeals } from './sealed-thoughts.ts'

/** Calls that have no result yet. Older clients name no calls, so results go to them by their functions' names. */
type Waiting = { readonly id: string; readonly name: string }[]

export function messagesOf(contents: readonly Content[]): Message[] {
  const waiting: Waiting = []
  let calls = 0
  return contents.flatMap(({ role, parts }, index) => {
    const at = `contents[${index}]`
    if (role === 'system') return [{ role: 'system', content: wordsOf(parts) } satisfies Message]
    if (role !== 'model') return userMessages(parts, at, waiting)
    const message = modelMessage(parts, () => `call_${calls++}`)
    waiting.push(...(message.toolCalls ?? []).map(({ id, name }) => ({ id, name })))
    return [message]
  })
}

function wordsOf(parts: readonly GeminiPart[]): string {
  return parts.map(({ text = '' }) => text).join('')
}

/** Results are messages of their own, in the order in which they were sent. */
function userMessages(parts: readonly GeminiPart[], at: string, waiting: Waiting): Message[] {
  const results = parts.flatMap((part, index) =>
    part.functionResponse ? [resultOf(part.functionResponse, `${at}.parts[${index}].functionResponse`, waiting)] : [],
  )
  const called = parts.findIndex(({ functionCall }) => functionCall)
  if (called !== -1) throw invalid(`${at}.parts[${called}].functionCall`, 'belongs to the role model')
  const content = contentOf(parts)
  const empty = content.length === 0 && (results.length > 0 || parts.length === 0)
  return empty ? results : [...results, { role: 'user', content }]
}

function contentOf(parts: readonly GeminiPart[]): Message['content'] {
  const given = parts.flatMap((part): Part[] => {
    const media = mediaOf(part)
    if (media) return [media]
    return part.text === undefined || part.text === '' || part.thought ? [] : [{ type: 'text', text: part.text }]
  })
  if (given.some(({ type }) => type !== 'text')) return given
  return given.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function resultOf(
  { id, name, response, parts = [] }: NonNullable<GeminiPart['functionResponse']>,
  at: string,
  waiting: Waiting,
): Message {
  const found = waiting.findIndex((call) => (id === undefined || id === '' ? call.name === name : call.id === id))
  const [call] = found === -1 ? [] : waiting.splice(found, 1)
  if (!call) throw invalid(at, 'answers no functionCall before it')
  const { words, failed } = wordsOfResponse(response)
  const media = parts.flatMap((part) => mediaOf(part) ?? [])
  return {
    role: 'tool',
    toolCallId: call.id,
    name,
    content: media.length > 0 ? [{ type: 'text', text: words }, ...media] : words,
    ...(failed && { toolFailed: true }),
  }
}

/** Words alone stand under one of the names that Google gives them: https://ai.google.dev/api/caching#FunctionResponse */
function wordsOfResponse(response: Readonly<Record<string, unknown>>): { words: string; failed: boolean } {
  const [[name, value] = ['', undefined], ...more] = Object.entries(response)
  const failed = name === 'error' && more.length === 0
  if (more.length === 0 && typeof value === 'string' && (failed || name === 'output' || name === 'result')) {
    return { words: value, failed }
  }
  return { words: JSON.stringify(response), failed }
}

function modelMessage(parts: readonly GeminiPart[], newId: () => string): Message {
  const toolCalls: ToolCall[] = []
  const blocks: ReasoningBlock[] = []
  let thoughts = ''
  let open = ''
  for (const { functionCall, text = '', thought, thoughtSignature } of parts) {
    const seals = thoughtSignature === undefined ? {} : unpackSeals(thoughtSignature)
    if (functionCall) {
      const { id, name, args = {} } = functionCall
      const { signature } = seals
      const call = { id: id || newId(), name, arguments: JSON.stringify(args) }
      toolCalls.push({ ...call, ...(signature && { signature }) })
      continue
    }
    if (thought) {
      thoughts += text
      open += text
    }
    if (thoughtSignature === undefined) continue
    const { text: hidden, ...own } = seals
    blocks.push({ text: hidden ?? open, ...own })
    open = ''
  }
  const sealed = blocks.some(({ signature, encrypted }) => signature ?? encrypted)
  return {
    role: 'assistant',
    content: contentOf(parts),
    ...(thoughts !== '' && { reasoning: thoughts }),
    ...(sealed && { reasoningBlocks: open === '' ? blocks : [...blocks, { text: open }] }),
    ...(toolCalls.length > 0 && { toolCalls }),
  }
}

function invalid(param: string, what: string): InferloomError {
  return new InferloomError('invalid_value', `${param} ${what}.`, { param })
}
