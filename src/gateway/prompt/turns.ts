import type { Message } from '../../canonical/request.ts'
import { estimateMessage } from './prompt-length.ts'

/** Messages of a conversation that are kept or dropped together. */
export interface Turn {
  /** Of the first message in it, and behind the last one; what instructs the model in between is in no turn. */
  readonly start: number
  readonly end: number
  readonly tokens: number
  /** Whether it may not be dropped. */
  readonly isKept: boolean
}

/**
 * The turns of a conversation: each begins where the user speaks after somebody else. A call and its results are always
 * in one turn, whatever stands between them, and the last turn is kept; with `rounds` its older rounds of calls and
 * results are turns of their own that may be dropped, but neither what the user said last nor the last round.
 */
export function turnsOf(messages: readonly Message[], { rounds = false } = {}): Turn[] {
  const starts = startsOf(messages)
  const last = starts.length - 1
  const begins = rounds ? [...starts, ...roundsOf(messages, starts.at(-1) ?? 0)] : starts
  const joined = withResults(messages, begins)
  return joined.map((start, index) => {
    const end = joined[index + 1] ?? messages.length
    let tokens = 0
    for (let at = start; at < end; at++) {
      const message = messages[at]
      if (message && message.role !== 'system') tokens += estimateMessage(message)
    }
    // What the user said last is the first of the last turn; the newest round is behind it.
    const holdsLastUser = end > (starts[last] ?? 0) && start <= (starts[last] ?? 0)
    return { start, end, tokens, isKept: holdsLastUser || index === joined.length - 1 }
  })
}

/** Where the user speaks after somebody else, and where the conversation begins. */
function startsOf(messages: readonly Message[]): number[] {
  const starts: number[] = []
  let before: Message['role'] | undefined
  messages.forEach(({ role }, index) => {
    if (role === 'system') return
    if (before === undefined || (role === 'user' && before !== 'user')) starts.push(index)
    before = role
  })
  return starts
}

/** Where the assistant speaks in the last turn. */
function roundsOf(messages: readonly Message[], from: number): number[] {
  const begins: number[] = []
  for (let at = from + 1; at < messages.length; at++) if (messages[at]?.role === 'assistant') begins.push(at)
  return begins
}

/** Joins turns where a result answers a call of an earlier one. Every turn is joined at most once. */
function withResults(messages: readonly Message[], begins: readonly number[]): number[] {
  const callAt = new Map<string, number>()
  const joined: number[] = []
  let next = 0
  messages.forEach(({ role, toolCallId, toolCalls }, index) => {
    if (begins[next] === index) {
      joined.push(index)
      next++
    }
    if (role === 'assistant') for (const { id } of toolCalls ?? []) callAt.set(id, index)
    const call = role === 'tool' && toolCallId !== undefined ? callAt.get(toolCallId) : undefined
    if (call === undefined) return
    while (joined.length > 1 && (joined.at(-1) ?? 0) > call) joined.pop()
  })
  return joined
}
