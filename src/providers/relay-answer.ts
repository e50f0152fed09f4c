import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamReply } from '../transport/exchange.ts'
import { wholeBody } from '../transport/whole-body.ts'
import { framingOf, type Framed } from './answer-stream.ts'
import type { RelayChunk, RelayReply } from './provider.ts'
import { bodyKind, faultOf, type BodyKind } from './reply-body.ts'
import type { RelayWatch } from './wire/wire.ts'

interface RelayOptions {
  readonly provider: string
  readonly framing: Exclude<BodyKind, 'json'>
  readonly watch: RelayWatch
  readonly stream: boolean
  readonly signal: AbortSignal
  /** The types of answers that pass as they come; where it is set, events may come unasked too. */
  readonly bytes?: RegExp
}

/** What tells a client about its answer and its limits; everything else is between us and the provider. */
const passedHeaders =
  /^(content-type|retry-after(-ms)?|openai-(processing-ms|model|version)|(anthropic|x)-ratelimit-[a-z0-9-]+|(x-)?(request|trace)-id|x-amzn-requestid|x-goog-request-id|apim-request-id)$/

/** Whether headers of a name are passed on; every answer of a provider has the same few. */
const known = new Map<string, boolean>()
const mostKnown = 1000

function isPassed(name: string): boolean {
  let passed = known.get(name)
  if (passed !== undefined) return passed
  passed = passedHeaders.test(name)
  if (known.size < mostKnown) known.set(name, passed)
  return passed
}

export function relayAnswer(reply: UpstreamReply, options: RelayOptions): RelayReply {
  const { provider } = options
  let kind: BodyKind | 'bytes'
  try {
    const asBytes = options.bytes?.test(reply.headers['content-type'] ?? '') ?? false
    kind = asBytes ? 'bytes' : bodyKind(reply, options.stream ? options.framing : 'json', provider)
    if (kind !== 'json' && !options.stream && !options.bytes) throw unasked(provider)
  } catch (error) {
    reply.cancel()
    throw error
  }
  const headers: Record<string, string> = {}
  for (const name of Object.keys(reply.headers)) {
    const value = reply.headers[name]
    if (value !== undefined && isPassed(name)) headers[name] = value
  }
  const chunks = chunksOf(reply, kind, options)
  return { status: reply.status, headers, chunks }
}

function chunksOf(reply: UpstreamReply, kind: BodyKind | 'bytes', options: RelayOptions): AsyncIterable<RelayChunk> {
  if (kind === 'bytes') return byteChunks(reply, options)
  return kind === 'json' ? wholeChunk(reply, options) : eventChunks(reply, kind, options)
}

/** Nothing in them says where they end: the connection does. */
async function* byteChunks(reply: UpstreamReply, { provider, signal }: RelayOptions): AsyncGenerator<RelayChunk> {
  try {
    for await (const pieces of reply.body) for (const bytes of pieces) yield { bytes, deltas: 1, opaque: true }
  } catch (error) {
    throw error === signal.reason ? error : faultOf(error, provider)
  }
}

/** By hand, as `eventChunks`: a generator costs several turns of its own for each chunk. */
function wholeChunk(reply: UpstreamReply, { provider, watch, signal }: RelayOptions): AsyncIterable<RelayChunk> {
  let asked = false
  const next = async (): Promise<IteratorResult<RelayChunk>> => {
    if (asked) return { done: true, value: undefined }
    asked = true
    try {
      const bytes = await wholeBody(reply)
      const { deltas, finishReason, usage, model, error } = watch.see(bytes)
      const value = { bytes, deltas, finishReason, usage, model, error, isLast: true } as const
      if (!watch.complete) throw cut(provider)
      return { done: false, value }
    } catch (error) {
      reply.cancel()
      throw error === signal.reason ? error : faultOf(error, provider)
    }
  }
  return new Chunks(next, reply)
}

function eventChunks(
  reply: UpstreamReply,
  kind: Exclude<BodyKind, 'json'>,
  { provider, watch, signal }: RelayOptions,
): AsyncIterable<RelayChunk> {
  const framing = framingOf(kind)
  const body = reply.body[Symbol.asyncIterator]()
  let ended = false
  const next = async (): Promise<IteratorResult<RelayChunk>> => {
    try {
      while (!ended) {
        const { done, value: pieces } = await body.next()
        ended = done === true
        const events = done ? framing.rest() : pieces.flatMap((bytes) => framing.push(bytes))
        if (events.length > 0) return { done: false, value: seen(events, watch) }
      }
      if (!watch.complete) throw cut(provider)
      return { done: true, value: undefined }
    } catch (error) {
      reply.cancel()
      throw error === signal.reason ? error : faultOf(error, provider)
    }
  }
  return new Chunks(next, reply)
}

class Chunks implements AsyncIterable<RelayChunk>, AsyncIterator<RelayChunk> {
  readonly next: () => Promise<IteratorResult<RelayChunk>>
  readonly #reply: UpstreamReply

  constructor(next: () => Promise<IteratorResult<RelayChunk>>, reply: UpstreamReply) {
    this.next = next
    this.#reply = reply
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  return(): Promise<IteratorResult<RelayChunk>> {
    this.#reply.cancel()
    return Promise.resolve({ done: true, value: undefined })
  }
}

function seen(events: readonly Framed[], watch: RelayWatch): RelayChunk {
  let deltas = 0
  let last: Omit<RelayChunk, 'bytes' | 'deltas'> = {}
  const passed: Uint8Array[] = []
  for (const { bytes } of events) {
    const { deltas: more, hidden, finishReason, usage, error } = watch.see(bytes)
    deltas += more
    if (finishReason !== undefined) last = { ...last, finishReason }
    if (usage !== undefined) last = { ...last, usage }
    if (error !== undefined) last = { ...last, error }
    if (hidden !== true) passed.push(bytes)
  }
  return { bytes: joined(passed), deltas, ...last }
}

/** Events of one piece lie side by side, so that joining them is only a longer view. */
function joined(events: readonly Uint8Array[]): Uint8Array {
  const [first] = events
  if (!first || events.length === 1) return first ?? new Uint8Array()
  let end = first.byteOffset
  const together = events.every((each) => {
    const follows = each.buffer === first.buffer && each.byteOffset === end
    end += each.byteLength
    return follows
  })
  return together ? new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset) : Buffer.concat(events)
}

function cut(provider: string): InferloomError {
  const message = `The answer of ${provider} ended before it was complete. Remedy: try again.`
  return new InferloomError('provider_invalid_reply', message, { fault: { provider } })
}

function unasked(provider: string): InferloomError {
  const message = `${provider} answered with a stream where none was asked for. Remedy: check the provider's baseUrl.`
  return new InferloomError('provider_invalid_reply', message, { fault: { provider } })
}
