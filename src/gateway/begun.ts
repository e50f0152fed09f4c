import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { GenerateRequest } from '../canonical/request.ts'
import type { RelayChunk, RelayReply, RelayRequest } from '../providers/provider.ts'
import type { Account } from './account.ts'
import type { Served } from './models.ts'
import type { AnswerReader } from './question.ts'

/** What is held back until there is content; an answer that says more than that before any has begun. */
const mostHeldBytes = 65_536

/** An answer that has begun: what came of it up to its first content, and the rest. */
export type Begun = BegunBytes | BegunEvents

interface BegunBytes {
  readonly reply: Pick<RelayReply, 'status' | 'headers'>
  readonly held: readonly RelayChunk[]
  /** Undefined where nothing comes after that. */
  readonly rest: AsyncIterator<RelayChunk> | undefined
}

interface BegunEvents {
  readonly reply?: undefined
  readonly held: readonly HeldEvents[]
  readonly rest: AsyncIterator<readonly StreamEvent[]>
}

interface HeldEvents {
  readonly events: readonly StreamEvent[]
  /** `performance.now()` when they came. */
  readonly at: number
}

/** Passes a request on. Rejects with whatever goes wrong before there is content, so that another try may be made. */
export async function beginBytes(
  { provider }: Served,
  request: RelayRequest,
  signal: AbortSignal,
): Promise<BegunBytes> {
  const reply = await provider.relay?.(request, signal)
  if (!reply) throw new InferloomError('internal_error', `${provider.name} passes nothing on.`)
  const rest = reply.chunks[Symbol.asyncIterator]()
  const held: RelayChunk[] = []
  let bytes = 0
  for (;;) {
    const next = await rest.next()
    if (next.done) break
    const chunk = next.value
    if (chunk.error && chunk.deltas === 0) {
      await rest.return?.()
      throw chunk.error
    }
    held.push(chunk)
    if (chunk.isLast) return { reply, held, rest: undefined }
    bytes += chunk.bytes.length
    // An answer that is no stream comes in one piece.
    if (!request.stream || chunk.deltas > 0 || chunk.finishReason !== undefined || bytes > mostHeldBytes) break
  }
  return { reply, held, rest }
}

/** The same of a request that is translated. Where its client wants the answer whole, it has begun when it is whole. */
export async function beginEvents(
  { provider }: Served,
  request: GenerateRequest,
  { stream, signal }: { readonly stream: boolean; readonly signal: AbortSignal },
): Promise<BegunEvents> {
  const rest = provider.generate(request, signal)[Symbol.asyncIterator]()
  const held: HeldEvents[] = []
  for (;;) {
    const next = await rest.next()
    if (next.done) break
    held.push({ events: next.value, at: performance.now() })
    if (stream && next.value.some(({ type }) => type !== 'response-metadata')) break
  }
  return { held, rest }
}

/** The headers in which an answer says what its provider's limits leave. */
export function limitsSaid({ reply, held }: Begun): Readonly<Record<string, string>> | undefined {
  if (reply) return reply.headers
  for (const { events } of held) {
    for (const event of events) if (event.type === 'response-metadata' && event.limits) return event.limits
  }
  return undefined
}

/** Of an answer that nobody wants any more. */
export function discard({ rest }: Begun): void {
  // It may have failed meanwhile, which is of no interest either.
  rest?.return?.()?.then(undefined, () => {})
}

/** Brings an answer to its reader, and lets the account see it on its way. A promise only where more is to come. */
export function deliver(begun: Begun, account: Account, reader: AnswerReader): Promise<void> | undefined {
  if (!begun.reply || begun.rest || begun.held.length !== 1) return deliverPieces(begun, account, reader)
  const [only] = begun.held as readonly [RelayChunk]
  reader.begin(begun.reply)
  const read = reader.take(only.bytes, account.see(only))
  if (read) return read.then(() => account.timings.complete())
  account.timings.complete()
  return undefined
}

async function deliverPieces(begun: Begun, account: Account, reader: AnswerReader): Promise<void> {
  try {
    if (begun.reply) await deliverBytes(begun, account, reader)
    else await deliverEvents(begun, account, reader)
  } catch (error) {
    discard(begun)
    throw error
  }
}

async function deliverBytes({ reply, held, rest }: BegunBytes, account: Account, reader: AnswerReader): Promise<void> {
  reader.begin(reply)
  for (let index = 0; ; index++) {
    let chunk = held[index]
    if (!chunk) {
      const next = await rest?.next()
      if (!next || next.done) return account.timings.complete()
      chunk = next.value
    }
    const cost = account.see(chunk)
    if (chunk.bytes.length === 0) continue
    const read = reader.take(chunk.bytes, cost)
    if (read) await read
  }
}

async function deliverEvents({ held, rest }: BegunEvents, account: Account, reader: AnswerReader): Promise<void> {
  for (const { events, at } of held) {
    const read = reader.takeEvents(account.observe(events, at))
    if (read) await read
  }
  for (;;) {
    const next = await rest.next()
    if (next.done) return
    const read = reader.takeEvents(account.observe(next.value, performance.now()))
    if (read) await read
  }
}
