import { InferloomError } from '../canonical/errors.ts'
import type { UpstreamReply } from '../transport/exchange.ts'
import { framingOf } from './answer-stream.ts'
import type { RelayChunk, RelayReply } from './provider.ts'
import { bodyKind, checkedBody, faultOf, type BodyKind } from './reply-body.ts'
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
  const headers = Object.fromEntries(Object.entries(reply.headers).filter(([name]) => passedHeaders.test(name)))
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
    for await (const pieces of reply.body) for (const bytes of pieces) yield { bytes, deltas: 1 }
  } catch (error) {
    throw error === signal.reason ? error : faultOf(error, provider)
  }
}

async function* wholeChunk(
  reply: UpstreamReply,
  { provider, watch, signal }: RelayOptions,
): AsyncGenerator<RelayChunk> {
  try {
    const bytes = await checkedBody(reply, provider)
    const { hidden: _, ...seen } = watch.see(bytes)
    if (!watch.complete) throw cut(provider)
    yield { bytes, ...seen }
  } catch (error) {
    throw error === signal.reason ? error : faultOf(error, provider)
  }
}

async function* eventChunks(
  reply: UpstreamReply,
  kind: Exclude<BodyKind, 'json'>,
  { provider, watch, signal }: RelayOptions,
): AsyncGenerator<RelayChunk> {
  const framing = framingOf(kind)
  try {
    for await (const pieces of reply.body) {
      const events = pieces.flatMap((bytes) => framing.push(bytes).map((framed) => framed.bytes))
      if (events.length > 0) yield seen(events, watch)
    }
    const rest = framing.rest().map((framed) => framed.bytes)
    if (rest.length > 0) yield seen(rest, watch)
    if (!watch.complete) throw cut(provider)
  } catch (error) {
    throw error === signal.reason ? error : faultOf(error, provider)
  }
}

function seen(events: readonly Uint8Array[], watch: RelayWatch): RelayChunk {
  let deltas = 0
  let last: Omit<RelayChunk, 'bytes' | 'deltas'> = {}
  const passed = events.filter((event) => {
    const { deltas: more, hidden, ...rest } = watch.see(event)
    deltas += more
    if (rest.finishReason !== undefined || rest.usage !== undefined) last = { ...last, ...rest }
    return hidden !== true
  })
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
