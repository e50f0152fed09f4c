// What the gateway's process and an engine's process say to each other, as JSON over Node's IPC channel.
import type { FinishReason, TokenLogprobs } from '../canonical/events.ts'
import type { ErrorCode } from '../canonical/errors.ts'
import type { Sampling } from '../canonical/request.ts'

/** How one model is loaded; every number is decided before the process starts. */
export interface LoadOptions {
  readonly model: string
  readonly file: string
  readonly threads: number
  /** Sequences that decode at once. */
  readonly parallel: number
  /** Tokens of prompt and output that one request may have; absent means what the model was trained for. */
  readonly contextTokens?: number
  /** Tokens in one evaluation. */
  readonly batchTokens: number
  /** Prompt tokens in one evaluation while other requests are decoding. */
  readonly prefillChunkTokens: number
}

export interface Job {
  readonly id: number
  readonly prompt: string | readonly number[]
  /** Whether the tokenizer's own opening token belongs in front of this prompt. */
  readonly addSpecial: boolean
  readonly n: number
  readonly maxOutputTokens?: number
  readonly stop: readonly string[]
  readonly sampling: Omit<Sampling, 'logitBias' | 'seed'> & {
    readonly logitBias: readonly (readonly [token: number, bias: number])[]
    readonly seed: number
  }
  readonly topLogprobs?: number
}

export type ToWorker =
  | { readonly type: 'load'; readonly options: LoadOptions }
  | { readonly type: 'generate'; readonly job: Job }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'stats' }

export interface LoadedModelInfo {
  readonly contextTokens: number
  readonly parallel: number
  /** Tokens that all running requests may hold together. */
  readonly cells: number
  readonly parameters: number
  readonly sizeBytes: number
  readonly vocabulary: number
  readonly chatTemplate?: string
  readonly bosText: string
  readonly eosText: string
  readonly addsBos: boolean
  /** Text that the tokenizer would read as a control token, so that what users write can be told apart from it. */
  readonly controlTexts: readonly string[]
  readonly libraries: string
}

/** Text that one choice gained, and why it ended if it did. */
export interface Delta {
  readonly id: number
  readonly choice: number
  readonly text: string
  readonly logprobs?: readonly TokenLogprobs[]
  readonly finishReason?: FinishReason
}

export interface Done {
  readonly id: number
  readonly promptTokens: number
  readonly outputTokens: number
}

export interface EngineStats {
  readonly running: number
  readonly waiting: number
  readonly freeSlots: number
  readonly cellsReserved: number
  /** Evaluations since the process started, and what they gave. */
  readonly steps: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** Wall time inside llama_decode, and CPU time of the scheduling thread inside and in total; milliseconds. */
  readonly decodeMs: number
  readonly decodeCpuMs: number
  readonly threadCpuMs: number
}

interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly param?: string
}

export type FromWorker =
  | { readonly type: 'ready'; readonly info: LoadedModelInfo }
  | ({ readonly type: 'failed' } & Refusal)
  | ({ readonly type: 'refused'; readonly id: number } & Refusal)
  /** Everything one evaluation gave, for all requests at once. */
  | { readonly type: 'step'; readonly deltas: readonly Delta[]; readonly done: readonly Done[] }
  | { readonly type: 'stats'; readonly stats: EngineStats }
