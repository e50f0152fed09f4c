import type { GenerateRequest } from '../../canonical/request.ts'
import type { Served } from '../models.ts'

/** A request as it is sent, and what was taken from its prompt. */
export interface Shaped {
  readonly request: GenerateRequest
  readonly removed: readonly { readonly policy: string; readonly tokens: number }[]
}

/** What is done to the prompts of one route or model before they are sent. */
export interface PromptPolicy {
  /** Throws `context_length_exceeded` where the prompt is too long and may not be made shorter. */
  shape(
    request: GenerateRequest,
    about: { readonly served: Served; readonly contextTokens: number | undefined; readonly signal: AbortSignal },
  ): Shaped | Promise<Shaped>
}

export interface PromptPolicies {
  /** Undefined where nothing is to be done, so that a request may be passed on unread. */
  of(route: string | undefined, served: Served): PromptPolicy | undefined
}
