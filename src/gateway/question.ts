import type { GenerateRequest } from '../canonical/request.ts'
import type { RelayReply, RelayRequest } from '../providers/provider.ts'
import type { StreamEvent } from '../canonical/events.ts'
import type { Served } from './models.ts'
import type { ToldCost } from '../canonical/usage.ts'

/** What a client asks, in the two forms in which it can go on: as its own bytes, and as what they mean. */
export interface Question {
  /** As the client named it: a model or a route. */
  readonly model: string
  /** The wire it came by, which is the name of its dialect. */
  readonly wire: string
  /** Whether the client's own bytes say everything themselves. */
  readonly isRelayable?: boolean
  /** Those bytes, for one who speaks its wire. */
  relayed?(served: Served): RelayRequest
  /** What it means; understood at most once. Throws, or rejects with, what is wrong with it. */
  understood(): GenerateRequest | Promise<GenerateRequest>
  /** Whether it means nothing to anybody here, so that it can only be passed on; `understood` then says so. */
  readonly isOnlyPassed?: boolean
}

/** Takes an answer: its bytes where it is passed on, its events where it is translated; never both. */
export interface AnswerReader {
  /** Of an answer that is passed on: comes first, and not at all where every provider refuses. */
  begin(reply: Pick<RelayReply, 'status' | 'headers'>): void
  /**
   * With what the answer cost where these bytes end it. A promise where more has to wait until these were read; it
   * rejects where nobody reads any more.
   */
  take(bytes: Uint8Array, cost?: ToldCost): Promise<void> | undefined
  /** The same for events. */
  takeEvents(events: readonly StreamEvent[]): Promise<void> | undefined
}
