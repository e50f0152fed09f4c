import type { StreamEvent } from '../../canonical/events.ts'
import type { AnswerSummary } from './answer-cache.ts'
import { sizeOf, type KeptAnswer, type Piece } from './kept-answer.ts'

/** An answer as a text, for stores that outlive the process. */
export function writtenAnswer({ head, pieces, summary, keptAt }: KeptAnswer): string {
  const written = pieces.map((piece) =>
    'bytes' in piece ? { bytes: Buffer.from(piece.bytes).toString('base64'), ends: piece.ends } : piece,
  )
  return JSON.stringify({ head, summary, keptAt, pieces: written })
}

/** Undefined for what is no answer: others may write to a store. What is in it is not trusted further than it is checked. */
export function readAnswer(text: string): KeptAnswer | undefined {
  const value = objectIn(text)
  if (!value || !Array.isArray(value['pieces']) || typeof value['keptAt'] !== 'number') return undefined
  const pieces = value['pieces'].map(pieceOf).filter((piece) => piece !== undefined)
  const summary = value['summary'] as Partial<AnswerSummary> | null
  if (pieces.length !== value['pieces'].length || pieces.length === 0) return undefined
  if (typeof summary?.provider !== 'string' || typeof summary.model !== 'string') return undefined
  const head = value['head'] === undefined ? undefined : headOf(value['head'])
  if (head === null) return undefined
  // One of the future would be kept for ever, and a size that is not true would take more memory than there is for it.
  const keptAt = Math.min(value['keptAt'], Date.now())
  const size = pieces.reduce((sum, piece) => sum + sizeOf(piece), 0)
  return { head, pieces, summary: summary as AnswerSummary, size, keptAt }
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function pieceOf(value: unknown): Piece | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { bytes, ends, events } = value as Record<string, unknown>
  if (typeof bytes === 'string' && typeof ends === 'boolean') return { bytes: Buffer.from(bytes, 'base64'), ends }
  return Array.isArray(events) && events.every(isEvent) ? { events } : undefined
}

function isEvent(value: unknown): value is StreamEvent {
  return typeof (value as { type?: unknown } | null)?.type === 'string'
}

/** Null for what is none. A line break in a header would begin another. */
function headOf(value: unknown): KeptAnswer['head'] | null {
  if (typeof value !== 'object' || value === null) return null
  const { status, headers } = value as { status?: unknown; headers?: { 'content-type'?: unknown } }
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599) return null
  const type = headers?.['content-type']
  if (type === undefined) return { status: status as number, headers: {} }
  return typeof type === 'string' && /^[\x20-\x7e]{1,200}$/.test(type)
    ? { status: status as number, headers: { 'content-type': type } }
    : null
}
