/** Asks the provider to keep everything up to here, so that the next request that begins alike is cheaper. */
export interface CacheMark {
  /** How long it is to be kept; absent leaves it to the provider. */
  readonly lifetime?: '5m' | '1h'
}

export interface TextPart {
  readonly type: 'text'
  readonly text: string
  readonly cache?: CacheMark
}

export interface ImagePart {
  readonly type: 'image'
  /** `https://…` or `data:image/png;base64,…`. */
  readonly url: string
  readonly detail?: 'auto' | 'low' | 'high'
  readonly cache?: CacheMark
}

/** A document, such as a PDF. */
export interface FilePart {
  readonly type: 'file'
  /** `https://…` or `data:application/pdf;base64,…`. */
  readonly url: string
  readonly name?: string
  readonly cache?: CacheMark
}

export interface AudioPart {
  readonly type: 'audio'
  /** `data:audio/wav;base64,…` */
  readonly url: string
  readonly cache?: CacheMark
}

export type Part = TextPart | ImagePart | FilePart | AudioPart

/** What a wire signed or encrypted: only that wire can read it again, every other leaves it out. */
export interface Sealed {
  readonly wire: string
  readonly value: string
}

/** Thoughts in the pieces in which a model wrote them, for providers that want them back as they were. */
export interface ReasoningBlock {
  /** Empty where the provider shows none of it. */
  readonly text: string
  readonly id?: string
  /** Proves that the text is the model's own. */
  readonly signature?: Sealed
  /** The thoughts themselves, for the provider alone to read. */
  readonly encrypted?: Sealed
}

/** A model's request that the client run a function. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text exactly as the model wrote it; it need not be valid. */
  readonly arguments: string
  /** The thoughts that led to this call, where a provider wants them back with it. */
  readonly signature?: Sealed
  readonly cache?: CacheMark
}

/** One message of a conversation, in the words every dialect shares. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  /** Parts only where there is more than text, or where something is marked. */
  readonly content: string | readonly Part[]
  readonly name?: string
  /** What an assistant thought before it wrote `content`. */
  readonly reasoning?: string
  /** The same in pieces, where one of them is signed or encrypted. */
  readonly reasoningBlocks?: readonly ReasoningBlock[]
  /** Of an assistant. */
  readonly toolCalls?: readonly ToolCall[]
  /** Of a tool's result: the call it answers. */
  readonly toolCallId?: string
  /** Of a tool's result: that the tool failed, and `content` says how. */
  readonly toolFailed?: boolean
}

export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** A function that the client can run. */
export interface Tool {
  readonly name: string
  readonly description?: string
  /** Absent means it takes none. */
  readonly parameters?: JsonSchema
  /** Whether the arguments must meet `parameters` also where the model is free to call. */
  readonly strict?: boolean
  readonly cache?: CacheMark
}

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string }

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | { readonly type: 'json-schema'; readonly name: string; readonly schema: JsonSchema; readonly strict: boolean }

type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh'

/** What the model is given: a conversation, or bare prompts (text, or token ids of this model). */
type Input =
  | { readonly kind: 'chat'; readonly messages: readonly Message[] }
  | { readonly kind: 'text'; readonly prompts: readonly (string | readonly number[])[] }

/** How the next token is chosen. */
export interface Sampling {
  /** 0 always takes the likeliest token. */
  readonly temperature: number
  readonly topP: number
  /** 0 considers every token. */
  readonly topK: number
  readonly minP: number
  /** Multiplies down what was said in the last `repeatLastN` tokens; 1 is off. */
  readonly repeatPenalty: number
  readonly repeatLastN: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  /** Added to a token's logit, by token id. */
  readonly logitBias: ReadonlyMap<number, number>
  /** The same seed, prompt and settings choose the same random numbers. */
  readonly seed?: number
}

/** A request to generate text, whatever wire it came in by. */
export interface GenerateRequest {
  readonly model: string
  /** Where it stands in a trace, for whoever is asked: https://www.w3.org/TR/trace-context/ */
  readonly traceparent?: string
  readonly input: Input
  /** Choices for each prompt. */
  readonly n: number
  /** In tokens; absent means up to the end of the context. */
  readonly maxOutputTokens?: number
  readonly stop: readonly string[]
  /** Whether the answer goes on to `maxOutputTokens` although the model would end it: for measurements. */
  readonly ignoreEnd?: boolean
  /** What is left open here, the provider decides. */
  readonly sampling: Partial<Sampling>
  /** How many alternatives to report with each token's log probability; absent reports none at all. */
  readonly topLogprobs?: number
  /** Of a conversation; empty means none. */
  readonly tools?: readonly Tool[]
  /** Absent means 'auto'. */
  readonly toolChoice?: ToolChoice
  /** Whether one answer may call several tools; absent means it may. */
  readonly parallelToolCalls?: boolean
  /** Absent means text. */
  readonly responseFormat?: ResponseFormat
  /** What the answer must match, in llama.cpp's GBNF. */
  readonly grammar?: string
  /** How much to think before the answer; absent leaves it to the model. */
  readonly reasoningEffort?: ReasoningEffort
  /** At most so many tokens of thought; 0 is none. */
  readonly reasoningTokens?: number
  /** Whether the thoughts are to be reported; absent leaves it to the provider. */
  readonly showReasoning?: boolean
  readonly verbosity?: 'low' | 'medium' | 'high'
  /** Names the end user to the provider, for its own watch over abuse. */
  readonly endUser?: string
  /** Requests that begin alike and name the same key are more likely to find their beginning cached. */
  readonly promptCacheKey?: string
  /** What the client attached to the request; told to providers that keep it. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Variables for the model's chat template beside those it is always given. */
  readonly templateVariables?: Readonly<Record<string, unknown>>
  /** Who goes first where requests wait; absent means 'default'. */
  readonly serviceTier?: ServiceTier
  /** Whose request it is, where keys tell them apart: those who have had least go first. */
  readonly owner?: string
  /** Milliseconds from its arrival after which the answer is of no use. */
  readonly deadlineMs?: number
}

export type ServiceTier = 'priority' | 'default' | 'flex'
