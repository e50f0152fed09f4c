import type { Message } from './wires/wire.ts'

/** One request of a workload. */
export interface BenchRequest {
  readonly messages: readonly Message[]
  /** Output tokens at most. */
  readonly maxTokens: number
  /** Whether to keep the model writing up to `maxTokens`, where the server has a way to. */
  readonly keepWriting: boolean
  /** Texts of which a right answer holds one, whatever their case. */
  readonly expected?: readonly string[]
}

/** Tokens are about four bytes long in English text: used where a server does not count. */
const bytesPerToken = 4

export function estimatedPromptTokens({ messages }: BenchRequest): number {
  return estimatedTokens(messages.reduce((bytes, { content }) => bytes + Buffer.byteLength(content), 0))
}

export function estimatedTokens(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

export function isRight(text: string, expected: readonly string[]): boolean {
  const said = text.toLowerCase()
  return expected.some((each) => said.includes(each.toLowerCase()))
}
