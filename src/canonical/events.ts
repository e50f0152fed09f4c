import type { Sealed } from './request.ts'
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

/**
 * What a provider sends while it answers. Names are the AI SDK's, plus `choiceIndex` and `logprobs`.
 * Text, thoughts and calls of one choice come in the order in which the model wrote them.
 */
export type StreamEvent =
  /** What the provider says of its answer as a whole; first, where it comes at all. */
  | {
      readonly type: 'response-metadata'
      /** The provider's own name for the answer. */
      readonly id?: string
      /** The very model that answers: a dated version of the one that was asked for. */
      readonly model?: string
      readonly systemFingerprint?: string
      /** Under which the provider's support finds the request: a header of an answer, no part of it. */
      readonly requestId?: string
      /** Its headers that say what its limits leave, and when to come again; for who paces and counts, no part of it either. */
      readonly limits?: Readonly<Record<string, string>>
      /** What was used so far, of an answer that says so before its end. */
      readonly usage?: Usage
    }
  | {
      readonly type: 'text-delta'
      readonly choiceIndex: number
      readonly text: string
      readonly logprobs?: readonly TokenLogprobs[]
    }
  /** Words with which a model declines, on wires that tell them from an answer; other wires write them as text. */
  | { readonly type: 'refusal-delta'; readonly choiceIndex: number; readonly text: string }
  /** What the model thinks before it answers. */
  | { readonly type: 'reasoning-delta'; readonly choiceIndex: number; readonly text: string }
  /** One block of thoughts is complete, and this is what the provider wants back with it. Absent where it wants nothing. */
  | {
      readonly type: 'reasoning-end'
      readonly choiceIndex: number
      readonly id?: string
      readonly signature?: Sealed
      readonly encrypted?: Sealed
    }
  /** A tool call begins; `toolIndex` counts the calls of one choice. Its arguments follow as pieces of JSON text. */
  | {
      readonly type: 'tool-input-start'
      readonly choiceIndex: number
      readonly toolIndex: number
      readonly id: string
      readonly toolName: string
      readonly signature?: Sealed
    }
  | {
      readonly type: 'tool-input-delta'
      readonly choiceIndex: number
      readonly toolIndex: number
      readonly delta: string
    }
  | { readonly type: 'tool-input-end'; readonly choiceIndex: number; readonly toolIndex: number }
  /** Where something in the answer comes from. */
  | { readonly type: 'source'; readonly choiceIndex: number; readonly url: string; readonly title?: string }
  /** What has no word here, as its wire wrote it: the same wire writes it again, others leave it out. */
  | { readonly type: 'raw'; readonly choiceIndex: number; readonly wire: string; readonly value: unknown }
  /** One choice is complete. */
  | {
      readonly type: 'text-end'
      readonly choiceIndex: number
      readonly finishReason: FinishReason
      /** The provider's own word for it. */
      readonly rawFinishReason?: string
      /** Which of the stop strings ended it, where that is known. */
      readonly stopString?: string
    }
  /** Every choice is complete; always last. A stream that fails throws instead. */
  | { readonly type: 'finish'; readonly usage: Usage }

/** An event that belongs to one choice. */
export type ChoiceEvent = Extract<StreamEvent, { readonly choiceIndex: number }>
