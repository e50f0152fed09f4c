import type { Message } from '../../canonical/request.ts'
import type { Turn } from './turns.ts'

/** Which turns go: the oldest first, or those in the middle, so that the beginning and the end stay. */
export type DropOrder = 'drop-oldest' | 'middle-out'

export interface Dropped {
  /** What stays, in its order. */
  readonly messages: readonly Message[]
  readonly turns: readonly Turn[]
  readonly tokens: number
  /** Whether enough could be dropped. */
  readonly isEnough: boolean
}

/** Drops whole turns until at least so many tokens are gone, or all that may go are. */
export function dropTurns(
  messages: readonly Message[],
  turns: readonly Turn[],
  { excess, order }: { readonly excess: number; readonly order: DropOrder },
): Dropped {
  const loose = turns.filter(({ isKept }) => !isKept)
  const gone = order === 'drop-oldest' ? oldest(loose, excess) : middle(loose, excess)
  const tokens = gone.reduce((sum, turn) => sum + turn.tokens, 0)
  return { messages: withoutTurns(messages, gone), turns: gone, tokens, isEnough: tokens >= excess }
}

/** Of the messages in turns only what instructs the model stays. `gone` is in order. */
function withoutTurns(messages: readonly Message[], gone: readonly Turn[]): Message[] {
  let next = 0
  return messages.filter(({ role }, index) => {
    while (index >= (gone[next]?.end ?? Infinity)) next++
    return role === 'system' || index < (gone[next]?.start ?? Infinity)
  })
}

function oldest(loose: readonly Turn[], excess: number): Turn[] {
  let tokens = 0
  const count = loose.findIndex((turn) => (tokens += turn.tokens) >= excess)
  return loose.slice(0, count === -1 ? loose.length : count + 1)
}

/** Keeps of both ends what there is room for, the newest first, and leaves one gap. */
function middle(loose: readonly Turn[], excess: number): Turn[] {
  let room = loose.reduce((sum, { tokens }) => sum + tokens, 0) - excess
  let from = 0
  let to = loose.length
  let isFull = false
  while (!isFull && from < to) {
    isFull = true
    for (const isNewest of [true, false]) {
      const tokens = loose[isNewest ? to - 1 : from]?.tokens
      if (from >= to || tokens === undefined || tokens > room) continue
      room -= tokens
      if (isNewest) to--
      else from++
      isFull = false
    }
  }
  return loose.slice(from, to)
}
