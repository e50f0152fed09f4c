import type { Field } from './unsupported.ts'

/** How one provider's chat completions differ from OpenAI's. Everything absent is as in most of them. */
export interface ChatOptions {
  /** What the longest answer is called; absent means `max_tokens`, which most know. */
  readonly maxTokens?: 'max_tokens' | 'max_completion_tokens'
  /**
   * By our name for a field: what the provider calls one that OpenAI's chat does not have, or null for one that it does
   * not take, which is then refused.
   */
  readonly fields?: Readonly<Partial<Record<Field, string | null>>>
  /** Whether it says how many tokens a streamed answer took when `stream_options` asks; absent means it does. */
  readonly streamOptions?: false
  /** Absent means 'system'. */
  readonly systemRole?: 'developer'
  /** What it calls the thoughts of earlier turns; absent means that it does not want them back. */
  readonly reasoning?: 'reasoning_content' | 'reasoning'
  /** Whether it wants back what a model signed or encrypted of them. */
  readonly reasoningDetails?: true
  /** Whether it takes JSON schemas as a response format; absent means it does. */
  readonly jsonSchema?: false
  /** Whether parts of messages can be marked for its cache, in Anthropic's form. */
  readonly cacheMarks?: true
  /** Fields it takes that change nothing in an answer; a provider without them is sent none. */
  readonly tells?: readonly TellingField[]
  /** Added to every body. */
  readonly extraBody?: Readonly<Record<string, unknown>>
  /** Absent means `/chat/completions`. */
  readonly path?: (model: string) => string
}

export type TellingField = 'user' | 'safety_identifier' | 'prompt_cache_key' | 'metadata' | 'service_tier'
