// Answers as providers give them in canonical events, cut into any pieces.
import fc from 'fast-check'
import type { FinishReason, StreamEvent } from '../../src/canonical/events.ts'
import type { Usage } from '../../src/canonical/usage.ts'
import { jsonOf, type Said } from './reading/said.ts'

export interface CanonicalAnswer {
  readonly thoughts: readonly string[]
  /** Each with the log probability of its only token. */
  readonly texts: readonly { readonly text: string; readonly logprob: number }[]
  readonly calls: readonly { readonly id: string; readonly name: string; readonly pieces: readonly string[] }[]
  /** Whether the pieces of all calls come mixed, as where a model writes them side by side. */
  readonly mixed: boolean
  readonly finish: FinishReason
  readonly usage: Usage
}

const choiceIndex = 0

export function eventsOf({ thoughts, texts, calls, mixed, finish, usage }: CanonicalAnswer): StreamEvent[] {
  return [
    ...thoughts.map((text): StreamEvent => ({ type: 'reasoning-delta', choiceIndex, text })),
    ...(thoughts.length > 0 ? [{ type: 'reasoning-end', choiceIndex } as const] : []),
    ...texts.map(({ text, logprob }): StreamEvent => {
      const logprobs = [{ token: text, logprob, bytes: [...Buffer.from(text)], top: [] }]
      return { type: 'text-delta', choiceIndex, text, logprobs }
    }),
    ...(mixed ? mixedCalls(calls) : calls.flatMap((_, at) => callEvents(calls, at))),
    { type: 'text-end', choiceIndex, finishReason: finish },
    { type: 'finish', usage },
  ]
}

function callEvents(calls: CanonicalAnswer['calls'], toolIndex: number): StreamEvent[] {
  const { id, name: toolName, pieces } = calls[toolIndex] ?? { id: '', name: '', pieces: [] }
  return [
    { type: 'tool-input-start', choiceIndex, toolIndex, id, toolName },
    ...pieces.map((delta): StreamEvent => ({ type: 'tool-input-delta', choiceIndex, toolIndex, delta })),
    { type: 'tool-input-end', choiceIndex, toolIndex },
  ]
}

function mixedCalls(calls: CanonicalAnswer['calls']): StreamEvent[] {
  const rows = calls.map((_, at) => callEvents(calls, at))
  const longest = Math.max(0, ...rows.map((row) => row.length))
  return Array.from({ length: longest }, (_, at) => rows.flatMap((row) => row[at] ?? [])).flat()
}

/** What a client must read of it. */
export function saidIn({ thoughts, texts, calls, finish, usage }: CanonicalAnswer): Said {
  const { inputTokens, outputTokens } = usage
  return {
    text: texts.map(({ text }) => text).join(''),
    reasoning: thoughts.join(''),
    calls: calls.map(({ id, name, pieces }) => ({ id, name, arguments: jsonOf(pieces.join('')) })),
    finish,
    logprobs: texts.map(({ text, logprob }) => [text, logprob]),
    usage: {
      input: inputTokens.total,
      cacheRead: inputTokens.cacheRead,
      cacheWrite: inputTokens.cacheWrite ?? 0,
      output: outputTokens.total,
      reasoning: outputTokens.reasoning,
    },
  }
}

const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const count = fc.integer({ min: 0, max: 100_000 })

const usage = fc
  .record({ read: count, write: count, rest: count, spoken: count, thought: count })
  .map(({ read, write, rest, spoken, thought }): Usage => ({
    inputTokens: { total: read + write + rest, cacheRead: read, cacheWrite: write },
    outputTokens: { total: spoken + thought, reasoning: thought },
  }))

/** Arguments as JSON text, cut at characters. */
const argumentPieces = fc
  .tuple(
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([value, size]) => {
    const characters = Array.from(JSON.stringify(value))
    return Array.from({ length: Math.ceil(characters.length / size) }, (_, at) =>
      characters.slice(at * size, (at + 1) * size).join(''),
    )
  })

const call = fc.record({
  id: fc.stringMatching(/^call_[a-z0-9]{4,12}$/),
  name: fc.stringMatching(/^[a-z_]{1,12}$/),
  pieces: argumentPieces,
})

export const anyAnswer: fc.Arbitrary<CanonicalAnswer> = fc
  .record({
    thoughts: fc.array(words, { maxLength: 4 }),
    texts: fc.array(fc.record({ text: words, logprob: fc.integer({ min: -90, max: 0 }).map((each) => each / 8) }), {
      maxLength: 6,
    }),
    calls: fc.uniqueArray(call, { maxLength: 3, selector: ({ id }) => id }),
    mixed: fc.boolean(),
    usage,
    ended: fc.constantFrom<FinishReason>('stop', 'length', 'content-filter'),
  })
  .map(({ ended, ...answer }) => ({ ...answer, finish: answer.calls.length > 0 ? 'tool-calls' : ended }))

/** Events in the batches in which they may arrive together. */
export function batched<T>(events: readonly T[], sizes: readonly number[]): T[][] {
  const batches: T[][] = []
  for (let at = 0; at < events.length;) {
    const size = sizes[batches.length % sizes.length] ?? 1
    batches.push(events.slice(at, at + size))
    at += size
  }
  return batches
}
