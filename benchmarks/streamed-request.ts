import { APIError } from 'openai'
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions'
import type { RunningServer } from './arms/server-arm.ts'

export interface StreamedAnswer {
  /** From sending the request, in milliseconds. */
  readonly firstTokenMs: number
  readonly endMs: number
  readonly promptTokens: number
  readonly outputTokens: number
}

export interface StreamOptions {
  readonly signal?: AbortSignal
  readonly onText?: () => void
}

/** Sends one chat request and reads its answer to the end. Answers are greedy, so that every arm has the same work. */
export async function streamAnswer(
  server: RunningServer,
  body: Omit<ChatCompletionCreateParamsStreaming, 'model' | 'stream'>,
  { signal, onText }: StreamOptions = {},
): Promise<StreamedAnswer> {
  const began = performance.now()
  const stream = await server.client.chat.completions.create(
    { temperature: 0, stream_options: { include_usage: true }, ...body, model: server.model, stream: true },
    signal && { signal },
  )
  let firstTokenMs: number | undefined
  let pieces = 0
  let usage: { prompt_tokens: number; completion_tokens: number } | undefined
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage
    if (!chunk.choices[0]?.delta.content) continue
    firstTokenMs ??= performance.now() - began
    pieces++
    onText?.()
  }
  const endMs = performance.now() - began
  // Ollama breaks off an answer that repeats a token thirty times, without a last word.
  if (!usage && server.mayEndEarly === true) usage = { prompt_tokens: 0, completion_tokens: pieces }
  if (!usage) throw new Error(`${server.arm} reported no usage`)
  return {
    firstTokenMs: firstTokenMs ?? endMs,
    endMs,
    promptTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
  }
}

/** Whether an arm answered that it does not know how to do this. */
export function isUnsupported(error: unknown): boolean {
  return (
    error instanceof APIError &&
    error.status === 400 &&
    /unsupported|unknown_parameter|not supported/.test(`${error.code} ${error.message}`)
  )
}
