import { InferloomError } from '../canonical/errors.ts'
import type { StreamEvent } from '../canonical/events.ts'
import { FrameSplitter, type EventStreamFrame } from '../transport/aws-event-stream.ts'
import type { UpstreamReply } from '../transport/exchange.ts'
import { EventSplitter, readEvent } from '../transport/server-sent-events.ts'
import type { BodyKind } from './reply-body.ts'
import type { StreamReader, WireEvent } from './wire/wire.ts'

/** Cuts the bytes of a stream into events of its wire. */
interface Framing {
  push(bytes: Uint8Array): readonly Framed[]
  /** What is left at the end; throws where the stream was cut. */
  rest(): readonly Framed[]
}

export interface Framed {
  /** As they came, framing included. */
  readonly bytes: Uint8Array
  /** Absent where there is nothing in it. */
  read(): WireEvent | undefined
}

export function framingOf(kind: Exclude<BodyKind, 'json'>): Framing {
  return kind === 'aws-event-stream' ? awsFraming() : sseFraming()
}

function sseFraming(): Framing {
  const splitter = new EventSplitter()
  const framed = (bytes: Uint8Array): Framed => ({ bytes, read: () => readEvent(bytes) })
  return {
    push: (bytes) => splitter.push(bytes).map(framed),
    // Some servers leave out the empty line after their last event. One that was cut is no JSON and fails there.
    rest: () => {
      const rest = splitter.rest()
      return rest.length > 0 ? [framed(rest)] : []
    },
  }
}

function awsFraming(): Framing {
  const splitter = new FrameSplitter()
  return {
    push: (bytes) => splitter.push(bytes).map((frame) => ({ bytes: frame.bytes, read: () => eventOf(frame) })),
    rest: () => {
      if (!splitter.betweenFrames) throw new InferloomError('provider_invalid_reply', 'The answer was cut.')
      return []
    },
  }
}

/** An exception's name takes the place of an event's: https://smithy.io/2.0/aws/amazon-eventstream.html */
function eventOf({ headers, payload }: EventStreamFrame): WireEvent {
  const data = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()
  const event = headers[':exception-type'] ?? headers[':error-code'] ?? headers[':event-type']
  return { data: data || JSON.stringify({ message: headers[':error-message'] ?? '' }), ...(event && { event }) }
}

/** The events of a streamed answer, a batch for what arrives together; those of `first` come with the first of them. */
export async function* answerStream(
  reply: UpstreamReply,
  framing: Framing,
  reader: StreamReader,
  first: readonly StreamEvent[],
): AsyncGenerator<readonly StreamEvent[]> {
  let begun = false
  const after = (batch: readonly StreamEvent[]) => {
    if (begun || first.length === 0) return batch
    begun = true
    return [...first, ...batch]
  }
  for await (const pieces of reply.body) {
    const batch: StreamEvent[] = []
    const read = (framed: Framed) => {
      const event = framed.read()
      if (event) batch.push(...reader.read(event))
    }
    try {
      for (const bytes of pieces) framing.push(bytes).forEach(read)
    } catch (error) {
      // What came before the fault is the client's all the same.
      if (batch.length > 0) yield after(batch)
      throw error
    }
    if (batch.length > 0) yield after(batch)
  }
  const last = framing.rest().flatMap((framed) => {
    const event = framed.read()
    return event ? reader.read(event) : []
  })
  const batch = [...last, ...reader.end()]
  if (batch.length > 0) yield after(batch)
}
