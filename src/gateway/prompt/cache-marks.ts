import { hash } from 'node:crypto'
import type { CacheMark, GenerateRequest, Message, Part } from '../../canonical/request.ts'
import type { RelayRequest } from '../../providers/provider.ts'
import type { Caller } from '../caller.ts'
import type { Served } from '../models.ts'
import type { Timekeeper } from '../timekeeper.ts'
import { estimateMessage, estimateTokens } from './prompt-length.ts'

/** Beginnings of prompts that are remembered; of more, those that were sent longest ago are forgotten. */
const mostRemembered = 20_000
/** Messages of a prompt that are looked at from its end; what is before them was marked when it was their turn. */
const mostMessages = 200
/** A beginning that was sent longer ago has left its provider's cache. */
const lifetimeMs = 300_000
/** Of a key, in characters: more than enough not to meet another. */
const keyLength = 24

export interface CacheMarksReport {
  /** Requests that were marked, of those that could have been. */
  readonly marked: number
  readonly seen: number
  /** Requests that were given a key, of providers that keep prompts by one. */
  readonly keyed: number
}

/**
 * Asks providers that have to be asked to keep the beginning of a prompt, where that is expected to cost less: writing it
 * costs a quarter more, reading it a tenth, so that it pays from the first time it comes again. That it does is taken
 * from what was sent: a beginning is marked when the very same one was sent within the lifetime of the cache, by the same
 * key. Where a client marks its prompt itself, nothing is touched. Providers that keep prompts by a key take nothing for
 * it: requests that begin alike are given the same one from the first on.
 */
export class CacheMarks {
  readonly #timekeeper: Timekeeper
  readonly #sentAt = new Map<string, number>()
  #marked = 0
  #seen = 0
  #keyed = 0

  readonly #marksPassed: boolean

  /** `marksPassed`: also what is passed on as its client wrote it. */
  constructor(timekeeper: Timekeeper, marksPassed: boolean) {
    this.#timekeeper = timekeeper
    this.#marksPassed = marksPassed
  }

  report(): CacheMarksReport {
    return { marked: this.#marked, seen: this.#seen, keyed: this.#keyed }
  }

  /** The request with marks, or as it is. */
  mark(request: GenerateRequest, { provider, model }: Served, caller: Caller | undefined): GenerateRequest {
    const marks = provider.cacheMarks?.(model)
    if (!marks || request.input.kind !== 'chat') return request
    const { messages } = request.input
    const tools = request.tools ?? []
    const scope = scopeOf(caller, provider, model)
    if (marks.by === 'key') return this.#withKey(request, messages, scope, marks.minimumTokens)
    if (isMarked(request)) return request
    const ofTools: readonly PromptPart[] =
      tools.length === 0 ? [] : [{ json: JSON.stringify(tools), isTools: true, tokens: estimateTokens }]
    const ofMessages = messages.map((message): PromptPart => {
      return { json: JSON.stringify(message), isTools: false, tokens: () => estimateMessage(message) }
    })
    const ends = this.#ends(scope, [...ofTools, ...ofMessages], marks.minimumTokens)
    return ends
      ? withMarks(
          request,
          ends.map((number) => number + 1 - ofTools.length),
        )
      : request
  }

  /** The same of a body that is passed on, where that is wanted. */
  markPassed(
    request: RelayRequest,
    body: Readonly<Record<string, unknown>> | undefined,
    { provider, model }: Served,
    caller: Caller | undefined,
  ): RelayRequest {
    if (!this.#marksPassed || !body || typeof request.body !== 'string') return request
    const marks = provider.cacheMarks?.(model)
    const inBody = marks?.inBodies?.[request.wire]
    if (!marks || !inBody || inBody.isMarked(request.body)) return request
    const parts = inBody.parts(body).map(({ value, isTools }): PromptPart => {
      return { json: JSON.stringify(value), isTools, tokens: estimateTokens }
    })
    const ends = this.#ends(scopeOf(caller, provider, model), parts, marks.minimumTokens)
    return ends ? { ...request, body: inBody.mark(request.body, body, ends) } : request
  }

  /** The parts of a prompt that are to be marked, by their numbers from 0 on. */
  #ends(scope: string, parts: readonly PromptPart[], minimumTokens: number): readonly number[] | undefined {
    this.#seen++
    const now = this.#timekeeper.now()
    let key = hash('md5', scope, 'base64')
    let known: number | undefined
    for (const [number, { json, isTools }] of parts.entries()) {
      key = hash('md5', key + json, 'base64')
      if (!isTools && number < parts.length - mostMessages) continue
      // The longest beginning that was sent before is what comes again; the rest of the prompt is what may.
      if (now - (this.#sentAt.get(key) ?? -Infinity) < lifetimeMs) known = number
      this.#remember(key, now)
    }
    if (known === undefined || !isLongAs(minimumTokens, parts.slice(0, known + 1))) return undefined
    this.#marked++
    const last = parts.length - 1
    // A prompt that goes on from one that was sent will be gone on from again.
    return parts[known]?.isTools || last === known ? [known] : [known, last]
  }

  /** A conversation and those that begin with the same tools and words have one key, from which neither can be told. */
  #withKey(
    request: GenerateRequest,
    messages: readonly Message[],
    scope: string,
    minimumTokens: number,
  ): GenerateRequest {
    if (request.promptCacheKey !== undefined) return request
    const { tools = [] } = request
    let tokens = tools.length === 0 ? 0 : estimateTokens(JSON.stringify(tools))
    for (const message of messages) {
      if (tokens >= minimumTokens) break
      tokens += estimateMessage(message)
    }
    if (tokens < minimumTokens) return request
    this.#keyed++
    const beginning = JSON.stringify([scope, tools, messages[0]])
    return { ...request, promptCacheKey: hash('sha256', beginning, 'base64url').slice(0, keyLength) }
  }

  #remember(key: string, now: number): void {
    this.#sentAt.delete(key)
    this.#sentAt.set(key, now)
    if (this.#sentAt.size <= mostRemembered) return
    for (const oldest of this.#sentAt.keys()) {
      this.#sentAt.delete(oldest)
      return
    }
  }
}

/** What a provider caches one after the other. */
interface PromptPart {
  readonly json: string
  readonly isTools: boolean
  /** Given that text. */
  readonly tokens: (json: string) => number
}

function isLongAs(minimumTokens: number, parts: readonly PromptPart[]): boolean {
  let tokens = 0
  return parts.some((part) => (tokens += part.tokens(part.json)) >= minimumTokens)
}

function scopeOf(caller: Caller | undefined, { name }: Served['provider'], model: string): string {
  return `${caller?.keyId ?? ''}\n${name}/${model}`
}

const mark: CacheMark = {}

/** Marks the last tool for an end of 0, and the last message before each other one. */
function withMarks(request: GenerateRequest, ends: readonly number[]): GenerateRequest {
  const { input, tools = [] } = request
  if (input.kind !== 'chat') return request
  const messages = input.messages.map((message, index) => (ends.includes(index + 1) ? markedMessage(message) : message))
  const marked = tools.map((tool, index) =>
    ends.includes(0) && index === tools.length - 1 ? { ...tool, cache: mark } : tool,
  )
  return { ...request, input: { kind: 'chat', messages }, ...(tools.length > 0 && { tools: marked }) }
}

/** A message without text, such as one that only calls tools, is not marked: the one before it is cached with the next. */
function markedMessage(message: Message): Message {
  const { content } = message
  if (typeof content === 'string') {
    return content === '' ? message : { ...message, content: [{ type: 'text', text: content, cache: mark }] }
  }
  const last = content.at(-1)
  if (!last) return message
  return { ...message, content: [...content.slice(0, -1), { ...last, cache: mark } satisfies Part] }
}

function isMarked({ input, tools = [] }: GenerateRequest): boolean {
  if (tools.some(({ cache }) => cache)) return true
  if (input.kind !== 'chat') return false
  return input.messages.some(
    ({ content, toolCalls = [] }) =>
      toolCalls.some(({ cache }) => cache) || (typeof content !== 'string' && content.some(({ cache }) => cache)),
  )
}
