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

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter'

/** What a provider sends while it answers. Names are the AI SDK's, plus `choiceIndex` and `logprobs`. */
export type StreamEvent =
  | {
      readonly type: 'text-delta'
      readonly choiceIndex: number
      readonly text: string
      readonly logprobs?: readonly TokenLogprobs[]
    }
  /** What the model thinks before it answers. */
  | { readonly type: 'reasoning-delta'; readonly choiceIndex: number; readonly text: string }
  /** A tool call begins; `toolIndex` counts the calls of one choice. Its arguments follow as pieces of JSON text. */
  | {
      readonly type: 'tool-input-start'
      readonly choiceIndex: number
      readonly toolIndex: number
      readonly id: string
      readonly toolName: string
    }
  | {
      readonly type: 'tool-input-delta'
      readonly choiceIndex: number
      readonly toolIndex: number
      readonly delta: string
    }
  | { readonly type: 'tool-input-end'; readonly choiceIndex: number; readonly toolIndex: number }
  /** One choice is complete. */
  | { readonly type: 'text-end'; readonly choiceIndex: number; readonly finishReason: FinishReason }
  /** Every choice is complete; always last. A stream that fails throws instead. */
  | { readonly type: 'finish'; readonly usage: Usage }
