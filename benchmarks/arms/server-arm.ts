import OpenAI from 'openai'

export interface ArmOptions {
  /** A GGUF file, or none for the model that an arm brings itself. */
  readonly file?: string
  readonly threads: number
  /** Requests that decode at once. */
  readonly parallel: number
  /** Tokens that each of them may have. */
  readonly contextTokens: number
  readonly env?: Readonly<Record<string, string>>
}

/** A server that answers OpenAI's chat completions, running. */
export interface RunningServer {
  /** Headers that open its admin API, where it has one. */
  readonly adminHeaders?: Readonly<Record<string, string>>
  readonly arm: string
  readonly url: string
  readonly client: OpenAI
  readonly model: string
  readonly pid: number
  /** When its process was started, on `performance.now()`'s clock. */
  readonly since: number
  /** Whether an answer may be shorter than asked for, since it cannot be kept from ending. */
  readonly mayEndEarly?: boolean
  stop(): Promise<void>
}

export interface ServerArm {
  readonly name: string
  /** Why it cannot run here, if so. */
  readonly missing?: string
  start(options: ArmOptions): Promise<RunningServer>
}

export function clientOf(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 120_000 })
}
