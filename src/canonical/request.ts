export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

export interface ImagePart {
  readonly type: 'image'
  /** `https://…` or `data:image/png;base64,…`. */
  readonly url: string
}

/** A model's request that the client run a function. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text exactly as the model wrote it; it need not be valid. */
  readonly arguments: string
}

/** One message of a conversation, in the words every dialect shares. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  /** Parts only where there is more than text. */
  readonly content: string | readonly (TextPart | ImagePart)[]
  readonly name?: string
  /** What an assistant thought before it wrote `content`. */
  readonly reasoning?: string
  /** Of an assistant. */
  readonly toolCalls?: readonly ToolCall[]
  /** Of a tool's result: the call it answers. */
  readonly toolCallId?: string
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
  readonly input: Input
  /** Choices for each prompt. */
  readonly n: number
  /** In tokens; absent means up to the end of the context. */
  readonly maxOutputTokens?: number
  readonly stop: readonly string[]
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
