// What the gateway's process and an engine's process say to each other: to the engine over Node's IPC channel, and back
// as lines of JSON (message-lines.ts).
import type { FinishReason, TokenLogprobs } from '../canonical/events.ts'
import type { ErrorCode } from '../canonical/errors.ts'
import type { Sampling } from '../canonical/request.ts'
import type { TunedPart, TuningResult } from './autotune-result.ts'
import type { LoraAdapter } from './lora.ts'

/** How one model is loaded; every number is decided before the process starts. */
export interface LoadOptions {
  readonly model: string
  readonly file: string
  readonly threads: number
  /** Sequences that decode at once. */
  readonly parallel: number
  /** Tokens of prompt and output that one request may have; absent means what the model was trained for. */
  readonly contextTokens?: number
  /** Room of the KV cache, in tokens of all requests together; absent decides by what memory is free. */
  readonly cells?: number
  /** Adapters whose weights are added to those of the model. */
  readonly lora?: readonly LoraAdapter[]
  /** Tokens in one evaluation. */
  readonly batchTokens: number
  /** Absent decides by the size of the heads. */
  readonly flashAttention?: boolean
  /** Whether requests may begin with what others have evaluated. */
  readonly prefixReuse?: boolean
  /** Cells that finished requests may keep in the cache; absent decides by the hardware. */
  readonly keepCells?: number
  /** Ordinary memory for prefixes that are kept outside the cache. */
  readonly prefixCacheBytes: number
  /** Where kept prefixes are written when the process ends, and read when it starts; absent writes none. */
  readonly prefixFile?: string
  /** Milliseconds that running streams may have to wait for a step beside which prompts are evaluated. */
  readonly targetGapMs: number
  /** Prompt tokens in one evaluation while other requests are decoding. */
  readonly prefillChunkTokens: number
  /** What is to be measured, since nobody has decided it. */
  readonly autotune?: readonly TunedPart[]
}

export interface Job {
  readonly id: number
  readonly prompt: string | readonly number[]
  /** Whether the tokenizer's own opening token belongs in front of this prompt. */
  readonly addSpecial: boolean
  readonly n: number
  readonly maxOutputTokens?: number
  readonly stop: readonly string[]
  /** Whether no token that ends an answer may be chosen. */
  readonly ignoreEnd?: boolean
  readonly sampling: Omit<Sampling, 'logitBias' | 'seed'> & {
    readonly logitBias: readonly (readonly [token: number, bias: number])[]
    readonly seed: number
  }
  readonly topLogprobs?: number
  /** GBNF that the whole answer must match. */
  readonly grammar?: string
  /** Shows control tokens as their text, for those who take the answer apart by them. */
  readonly specialText?: boolean
  /** 0 goes first: 0 someone is waiting and it matters, 1 someone is waiting, 2 it can wait. */
  readonly priority?: number
  /** Milliseconds from now within which the answer is wanted. */
  readonly deadlineMs?: number
  /** Whose request it is: those who have had least go first. */
  readonly owner?: string
}

/** Texts to turn into vectors, or to score against `query`. */
export interface EmbedJob {
  readonly id: number
  readonly inputs: readonly (string | readonly number[])[]
  /** Makes the answer one score for each input instead of a vector. */
  readonly query?: string
  readonly dimensions?: number
  /** With `query`: tokens after which an input is cut. */
  readonly inputTokens?: number
}

/** What one evaluation gave to one embedding job: the values of `count` inputs from `first` on. */
export interface EmbeddedPart {
  readonly id: number
  readonly first: number
  readonly count: number
  /** Float32, little-endian, in base64. */
  readonly values: string
  readonly tokens: number
}

export type ToWorker =
  | { readonly type: 'load'; readonly options: LoadOptions }
  | { readonly type: 'generate'; readonly job: Job }
  | { readonly type: 'embed'; readonly job: EmbedJob }
  | { readonly type: 'count'; readonly id: number; readonly prompt: string; readonly addSpecial: boolean }
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
  /** Tokens it took, where it was not one: others had been held back. */
  readonly tokens?: number
  /** With the first of a request: tokens of its prompt, and of these the ones that were not evaluated anew. */
  readonly prompt?: readonly [tokens: number, cached: number]
  readonly logprobs?: readonly TokenLogprobs[]
  readonly finishReason?: FinishReason
}

export interface Done {
  readonly id: number
  readonly promptTokens: number
  /** Prompt tokens that were not evaluated anew. */
  readonly cachedTokens: number
  readonly outputTokens: number
}

export interface EmbeddingStats {
  /** Evaluations since the process started, and the texts and tokens in them. */
  readonly evaluations: number
  readonly inputs: number
  readonly tokens: number
  readonly evaluateMs: number
  /** Jobs that are not complete. */
  readonly waiting: number
}

export interface EngineStats {
  readonly embeddings?: EmbeddingStats
  readonly running: number
  readonly waiting: number
  readonly freeSlots: number
  readonly cellsReserved: number
  /** KV cells that hold tokens which a later request may share. */
  readonly cellsUsed: number
  readonly cells: number
  /** Sequences kept for the next request that begins alike. */
  readonly keptSequences: number
  /** Evaluations since the process started, and what they gave. */
  readonly steps: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** Of the prompt tokens, those that were shared instead of evaluated. */
  readonly cachedTokens: number
  /** Tokens guessed ahead of their evaluation, and those of them that were right. */
  readonly draftedTokens: number
  readonly acceptedTokens: number
  /** Tokens in all evaluations: with `steps`, the mean batch. */
  readonly batchedTokens: number
  /** Wall time inside llama_decode, and CPU time of the scheduling thread from one to the next; milliseconds. */
  readonly decodeMs: number
  readonly overheadCpuMs: number
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
  | { readonly type: 'embedded'; readonly parts: readonly EmbeddedPart[] }
  | { readonly type: 'counted'; readonly id: number; readonly tokens: number }
  /** What is fastest is being measured before it is ready; and what was, which it uses from then on. */
  | { readonly type: 'tuning' }
  | { readonly type: 'tuned'; readonly result: TuningResult }
  | { readonly type: 'stats'; readonly stats: EngineStats }
