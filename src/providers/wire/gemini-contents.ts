// https://ai.google.dev/api/caching#Content
import { InferloomError } from '../../canonical/errors.ts'
import type { Message, Part, Sealed, ToolCall } from '../../canonical/request.ts'
import { inlineData } from './data-url.ts'
import { countsThoughts } from './gemini-thinking.ts'

export type Json = Readonly<Record<string, unknown>>

interface Content {
  readonly role: 'user' | 'model'
  readonly parts: Json[]
}

export const wire = 'gemini'

/**
 * Takes the place of a signature that there is none of, as where another provider's model made the call: models from
 * version 3 on refuse calls without one. https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
 */
const noSignature = 'skip_thought_signature_validator'

/** A conversation as Gemini wants it: instructions apart, whose place is first wherever they stood. */
export function geminiContents(
  messages: readonly Message[],
  { provider, model }: { readonly provider: string; readonly model: string },
): { system: Json[]; contents: Content[] } {
  const system: Json[] = []
  const contents: Content[] = []
  const names = new Map<string, string>()
  const needsSignature = !countsThoughts(model)
  messages.forEach((message, index) => {
    const at = `messages[${index}]`
    const place = { at, provider }
    switch (message.role) {
      case 'system':
        return void system.push(...partsOf(message.content, place))
      case 'user':
        return void contents.push({ role: 'user', parts: partsOf(message.content, place) })
      case 'assistant':
        for (const { id, name } of message.toolCalls ?? []) names.set(id, name)
        return void contents.push({ role: 'model', parts: turnOf(message, place, needsSignature) })
      case 'tool': {
        const part = resultOf(message, names, place)
        // The results of one turn's calls belong together: https://ai.google.dev/gemini-api/docs/function-calling
        if (messages[index - 1]?.role === 'tool') contents.at(-1)?.parts.push(part)
        else contents.push({ role: 'user', parts: [part] })
      }
    }
  })
  return { system, contents: contents.filter(({ parts }) => parts.length > 0) }
}

interface Place {
  readonly at: string
  readonly provider: string
}

/** Thoughts themselves are not sent back, only what proves them: https://ai.google.dev/gemini-api/docs/thought-signatures */
function turnOf(message: Message, place: Place, needsSignature: boolean): Json[] {
  const { toolCalls: calls = [], reasoningBlocks = [] } = message
  const texts = partsOf(message.content, place)
  const seals = reasoningBlocks.flatMap(({ signature }) => ownSeal(signature) ?? [])
  const last = texts.at(-1)
  const seal = seals.at(-1)
  const sealed = seal === undefined ? texts : [...texts.slice(0, -1), { ...(last ?? { text: '' }), ...seal }]
  const unsigned = calls.every(({ signature }) => ownSeal(signature) === undefined)
  return [
    ...seals.slice(0, -1).map((each) => ({ text: '', ...each })),
    ...sealed,
    // Of calls that were made together, only the first has one.
    ...calls.map((call, index) =>
      callOf(call, {
        at: `${place.at}.tool_calls[${index}]`,
        signature: needsSignature && unsigned && index === 0 ? noSignature : undefined,
      }),
    ),
  ]
}

function ownSeal(seal: Sealed | undefined): { readonly thoughtSignature: string } | undefined {
  return seal?.wire === wire ? { thoughtSignature: seal.value } : undefined
}

function callOf(call: ToolCall, { at, signature }: { at: string; signature: string | undefined }): Json {
  return {
    functionCall: { id: call.id, name: call.name, args: argumentsOf(call.arguments, `${at}.function.arguments`) },
    ...(signature === undefined ? ownSeal(call.signature) : { thoughtSignature: signature }),
  }
}

/** Gemini takes an object where other wires take the model's own text. */
function argumentsOf(text: string, param: string): Json {
  const value = text.trim() === '' ? {} : objectIn(text)
  if (value) return value
  const message = `${param} is not a JSON object, and this provider takes nothing else. Remedy: send the arguments as an object.`
  throw new InferloomError('invalid_value', message, { param })
}

function objectIn(text: string): Json | undefined {
  if (!/^\s*\{/.test(text)) return undefined
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** `output` and `error` are the keys that Google names: https://ai.google.dev/api/caching#FunctionResponse */
function resultOf(message: Message, names: ReadonlyMap<string, string>, place: Place): Json {
  const { toolCallId: id = '', content, toolFailed } = message
  const name = names.get(id) ?? message.name
  if (name === undefined) {
    const param = `${place.at}.tool_call_id`
    const what = `${param} = ${JSON.stringify(id.slice(0, 60))} is not the id of any call before it`
    throw new InferloomError('invalid_value', `${what}. Remedy: send the assistant's message with the call too.`, {
      param,
    })
  }
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const media = parts.filter(({ type }) => type !== 'text')
  const response = toolFailed ? { error: text } : (objectIn(text) ?? { output: text })
  return {
    functionResponse: {
      ...(id !== '' && { id }),
      name,
      response,
      ...(media.length > 0 && { parts: partsOf(media, place) }),
    },
  }
}

/** What is cached Gemini finds by itself, so marks are left out: https://ai.google.dev/gemini-api/docs/caching */
function partsOf(content: Message['content'], { at, provider }: Place): Json[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return content.flatMap((part, index) => partOf(part, { at: `${at}.content[${index}]`, provider }))
}

function partOf(part: Part, { at, provider }: Place): Json[] {
  if (part.type === 'text') return part.text === '' ? [] : [{ text: part.text }]
  // Addresses are fetched by Google: https://ai.google.dev/gemini-api/docs/file-input-methods
  if (/^(https?|gs):/i.test(part.url)) {
    const mimeType = typeByName(part)
    return [{ fileData: { fileUri: part.url, ...(mimeType !== undefined && { mimeType }) } }]
  }
  const { mediaType, base64 } = inlineData(part.url, at, provider)
  return [{ inlineData: { mimeType: mediaType, data: base64 } }]
}

/** Google wants the type of what it fetches; only the name can tell it here. */
const types: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  webm: 'video/webm',
}

function typeByName(part: Exclude<Part, { type: 'text' }>): string | undefined {
  const path = URL.parse(part.url)?.pathname ?? ''
  const name = part.type === 'file' && part.name?.includes('.') === true ? part.name : path
  const extension = name.slice(-10).toLowerCase().split('.').at(-1) ?? ''
  return Object.hasOwn(types, extension) ? types[extension] : undefined
}
