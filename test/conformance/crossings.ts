// By which ways a recorded answer can reach a client, and what the client must then read.
import { expect } from 'vitest'
import type { DialectAsk } from './dialect-asks.ts'
import { answerGapsOfDialects, answerGapsOfWires, gapIn } from './gaps.ts'
import type { Said } from './reading/said.ts'
import type { RecordedAnswer } from './recorded-upstream.ts'

export interface Way {
  readonly recorded: RecordedAnswer
  /** Whether the client asks for a stream. */
  readonly stream: boolean
  readonly lane: 'passed on' | 'translated'
}

/** How an answer can reach a client of this dialect: as it stands in the form it was recorded in, translated in any. */
export function waysTo(dialect: DialectAsk, recorded: RecordedAnswer): Way[] {
  const { wire, relays, stream } = recorded
  // A bare prompt is no conversation.
  if ((wire === 'openai-completions') !== (dialect.name === 'openai-completions')) return []
  const translated = [true, false].map((each) => ({ recorded, stream: each, lane: 'translated' as const }))
  if (!relays.includes(dialect.name)) return translated
  // What the provider would be asked on another of its wires, it did not answer on this one.
  const passedOn = wire === dialect.name ? [{ recorded, stream, lane: 'passed on' as const }] : []
  return [...passedOn, ...(wire === dialect.name && dialect.canBeTranslated ? translated : [])]
}

/** What the client must read: everything, but for the gaps that are known. */
export function expectedOf(dialect: DialectAsk, { recorded, lane }: Way): Said {
  const { said, wire, model } = recorded
  if (lane === 'passed on') return said
  const custom =
    model.includes('custom-tool') && gapIn(answerGapsOfDialects, dialect.name, 'custom-calls') !== undefined
  const id = gapIn(answerGapsOfWires, wire, 'call-ids') ? (expect.stringMatching(/./) as string) : undefined
  return withoutGapsOf(dialect.name, {
    ...said,
    ...(custom && { calls: [], finish: 'stop' }),
    ...(id !== undefined && { calls: said.calls.map((call) => ({ ...call, id: call.id ?? id })) }),
  })
}

/** The same without what a dialect has no words for. */
export function withoutGapsOf(dialect: string, said: Said): Said {
  const without = (what: string) => gapIn(answerGapsOfDialects, dialect, what) !== undefined
  return {
    ...said,
    ...(without('logprobs') && { logprobs: [] }),
    usage: { ...said.usage, ...(without('cache-write') && { cacheWrite: 0 }) },
  }
}
