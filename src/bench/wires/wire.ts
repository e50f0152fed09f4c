/** One message of a prompt. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What is asked of a model, before a wire gives it its shape. */
interface Asked {
  readonly model: string
  readonly messages: readonly Message[]
  readonly maxTokens: number
  /** Whether the answer is to come as it is written. */
  readonly stream: boolean
}

/** What one event of a streamed answer says; a field is absent where it says nothing of it. */
export interface EventSays {
  /** What the model wrote: of its answer, its thoughts or a call of a tool. */
  readonly text?: string
  readonly usage?: ReportedUsage
  /** The server's name for what went wrong in the middle of the answer. */
  readonly error?: string
  /** Nothing of the answer is missing. */
  readonly isEnd?: boolean
}

/** Tokens as the server counts them; what it did not say is absent. */
export interface ReportedUsage {
  readonly promptTokens?: number | undefined
  readonly cachedTokens?: number | undefined
  readonly outputTokens?: number | undefined
}

/** A form in which servers are asked and answer. */
export interface Wire {
  readonly name: string
  path(model: string, stream: boolean): string
  /** Of an API key. */
  keyHeader(key: string): Readonly<Record<string, string>>
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  body(asked: Asked): Record<string, unknown>
  /** Other names for the limit of output tokens, for servers that refuse the first. */
  readonly maxTokensFields?: readonly string[]
  /** Fields that keep a model from ending early, tried in this order. */
  readonly keepWriting: readonly Readonly<Record<string, unknown>>[]
  read(event: Record<string, unknown>): EventSays
  /** The same of an answer that comes whole. */
  readWhole(answer: Record<string, unknown>): EventSays
  /** Where models are listed. */
  readonly modelsPath: string
  modelNames(listed: Record<string, unknown>): readonly string[]
}

type Json = Record<string, unknown>

export function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((each): each is Json => objectOf(each) !== undefined) : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A count of tokens; anything else that stands in its place is not one. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** The server's name for an error: its code or type, never its message, which may repeat a prompt. */
export function errorName(error: unknown): string {
  const { code, type, status } = objectOf(error) ?? {}
  const name = [code, type, status].find((each) => typeof each === 'string' && each !== '')
  return textOf(name).slice(0, 60) || 'error'
}
