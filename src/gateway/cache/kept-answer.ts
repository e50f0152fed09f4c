import type { StreamEvent } from '../../canonical/events.ts'
import type { RelayReply } from '../../providers/provider.ts'
import type { AnswerReader } from '../question.ts'
import type { AnswerSummary } from './answer-cache.ts'

/** A part of an answer as it went to its client. */
export type Piece = BytesPiece | EventsPiece

interface BytesPiece {
  readonly bytes: Uint8Array
  /** Whether they end the answer, so that they say what it cost. */
  readonly ends: boolean
}

interface EventsPiece {
  readonly events: readonly StreamEvent[]
}

/** An answer that can be given again. */
export interface KeptAnswer {
  /** Of an answer that was passed on. */
  readonly head: Pick<RelayReply, 'status' | 'headers'> | undefined
  readonly pieces: readonly Piece[]
  readonly summary: AnswerSummary
  /** About what it takes in memory. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly keptAt: number
}

/** What a piece takes beside its content. */
const pieceBytes = 64

/** Bytes are copied: they are a view of something larger that would be kept with them. */
export function bytesPiece(bytes: Uint8Array, ends: boolean): BytesPiece {
  return { bytes: Buffer.from(bytes), ends }
}

/** Without what was about the former request alone. */
export function keptHead({ status, headers }: Pick<RelayReply, 'status' | 'headers'>) {
  const type = headers['content-type']
  return { status, headers: type === undefined ? {} : { 'content-type': type } }
}

export function sizeOf(piece: Piece): number {
  if ('bytes' in piece) return piece.bytes.length + pieceBytes
  let size = pieceBytes
  for (const event of piece.events) size += sizeOfEvent(event)
  return size
}

/** Gives an answer again, piece by piece as it came. */
export async function replay({ head, pieces }: KeptAnswer, reader: AnswerReader): Promise<void> {
  if (head) reader.begin(head)
  for (const piece of pieces) {
    const read = given(piece, reader)
    if (read) await read
  }
}

/** A piece for somebody who does not pay for it. */
export function given(piece: Piece, reader: AnswerReader): Promise<void> | undefined {
  if ('bytes' in piece) return reader.take(piece.bytes, piece.ends ? 'kept' : undefined)
  const last = piece.events.at(-1)
  if (last?.type !== 'finish') return reader.takeEvents(piece.events)
  const finish: StreamEvent = { ...last, usage: { ...last.usage, cost: 'kept' } }
  return reader.takeEvents([...piece.events.slice(0, -1), finish])
}

function sizeOfEvent(event: StreamEvent): number {
  if (event.type === 'text-delta') return 100 + 2 * event.text.length + (event.logprobs ? jsonSize(event.logprobs) : 0)
  if (event.type === 'reasoning-delta' || event.type === 'refusal-delta') return 100 + 2 * event.text.length
  return event.type === 'tool-input-delta' ? 100 + 2 * event.delta.length : jsonSize(event)
}

function jsonSize(value: object): number {
  return 2 * JSON.stringify(value).length
}
