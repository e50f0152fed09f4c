import type { GenerateRequest } from '../../canonical/request.ts'
import type { Caller } from '../caller.ts'
import type { Served } from '../models.ts'

/** A request as it is sent, and what was taken from its prompt. */
export interface Shaped {
  readonly request: GenerateRequest
  readonly removed: readonly { readonly policy: string; readonly tokens: number }[]
  /** US dollars for what a model was asked on the way; it has a row of its own in the ledger. Absent: nobody was asked. */
  readonly cost?: number | 'unknown'
}

export interface ShapeAbout {
  readonly served: Served
  readonly contextTokens: number | undefined
  readonly signal: AbortSignal
  /** Absent where nobody is told apart. */
  readonly caller?: Caller | undefined
}

/** What is done to the prompts of one route or model before they are sent. */
export interface PromptPolicy {
  /** Throws `context_length_exceeded` where the prompt is too long and may not be made shorter. */
  shape(request: GenerateRequest, about: ShapeAbout): Shaped | Promise<Shaped>
}

/** What can be known of a request that was not understood yet. */
export interface UnreadPrompt {
  /** The client's JSON. */
  readonly text: string | undefined
  readonly contextTokens: number | undefined
  readonly maxOutputTokens?: number | undefined
}

export interface PromptPolicies {
  /**
   * Undefined where nothing is to be done, so that a request may be passed on unread; with `unread` also where a prompt
   * is so short that it surely fits, and nothing else is to be done than to make it fit.
   */
  of(route: string | undefined, served: Served, unread?: UnreadPrompt): PromptPolicy | undefined
}
