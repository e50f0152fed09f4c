import type { Usage } from './usage.ts'

/** One token with the natural logarithm of its probability before sampling, and its exact bytes. */
export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
}

export interface TokenLogprobs extends TokenLogprob {
  /** The likeliest alternatives, likeliest first. */
  readonly top: readonly TokenLogprob[]
}

export type FinishReason = 'stop' | 'length'

/** What a provider sends while it answers. Names are the AI SDK's, plus `choiceIndex` and `logprobs`. */
export type StreamEvent =
  | {
      readonly type: 'text-delta'
      readonly choiceIndex: number
      readonly text: string
      readonly logprobs?: readonly TokenLogprobs[]
    }
  /** One choice is complete. */
  | { readonly type: 'text-end'; readonly choiceIndex: number; readonly finishReason: FinishReason }
  /** Every choice is complete; always last. A stream that fails throws instead. */
  | { readonly type: 'finish'; readonly usage: Usage }
