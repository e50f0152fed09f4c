import type { LoadNames } from './engine-load.ts'
import type { PurposeWords } from './wire/embed-purpose.ts'
import type { ChatOptions } from './wire/openai-chat-options.ts'
import type { PassedName } from './wire/openai-passed.ts'

/** A provider that speaks OpenAI's API, by what is different about it. */
export interface Preset {
  readonly name: string
  /** Absent where there is no usual one. */
  readonly baseUrl?: string
  /** Names of the variables a key can come from; none means that none is needed. */
  readonly env: readonly string[]
  /** Whether a key in the environment is not enough, because it is often there for another program. */
  readonly onlyWhenNamed?: true
  readonly chat: ChatOptions
  /** Whether it completes bare prompts. */
  readonly completions?: true
  readonly embeddings?: true
  /** What it calls the purposes of vectors, where it wants to know. */
  readonly purposes?: PurposeWords
  /**
   * What is passed on to it as it stands. Embeddings are only where it has vectors in base64, which OpenAI's clients ask
   * for without being told to; elsewhere they are translated.
   */
  readonly passed?: readonly PassedName[]
  /** What it says of how busy it is. */
  readonly load?: LoadNames
  /** Whether it lists its models; absent means it does. */
  readonly list?: false
}

/** Samplers of the open-source servers, by what vLLM calls them and those that followed it. */
export const vllmSampling = { top_k: 'top_k', min_p: 'min_p', repeat_penalty: 'repetition_penalty' } as const
/** What keeps a model writing, of the servers that measure. */
export const ignoreEnd = { ignore_eos: 'ignore_eos' } as const
export const templateVariables = { chat_template_kwargs: 'chat_template_kwargs' } as const
