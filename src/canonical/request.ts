/** One message of a conversation, in the words every dialect shares. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
  readonly name?: string
}

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
}
