// https://platform.openai.com/docs/api-reference/chat/object and …/chat-streaming
import { jsonOf, type Said, type WireReading } from './said.ts'

interface Message {
  readonly content?: string | null
  readonly refusal?: string | null
  readonly reasoning_content?: string | null
  readonly tool_calls?:
    | readonly {
        readonly index?: number
        readonly id?: string
        readonly function?: { readonly name?: string; readonly arguments?: string }
      }[]
    | null
}

interface Body {
  readonly choices?: readonly {
    readonly index?: number
    readonly message?: Message
    readonly delta?: Message
    readonly finish_reason?: string | null
    readonly logprobs?: { readonly content?: readonly { token: string; logprob: number }[] | null } | null
  }[]
  readonly usage?: OpenaiUsage | null
}

export interface OpenaiUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number; readonly cache_write_tokens?: number }
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number }
}

export function openaiUsageSaid(usage: OpenaiUsage | null | undefined) {
  return {
    input: usage?.prompt_tokens,
    cacheRead: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    cacheWrite: usage?.prompt_tokens_details?.cache_write_tokens ?? 0,
    output: usage?.completion_tokens,
    reasoning: usage?.completion_tokens_details?.reasoning_tokens ?? 0,
  }
}

function read(bodies: readonly Body[], choice: number): Said {
  const choices = bodies.flatMap((body) => body.choices ?? []).filter(({ index = 0 }) => index === choice)
  const messages = choices.map(({ message, delta }) => message ?? delta ?? {})
  const calls: { id: string | undefined; name: string; text: string }[] = []
  for (const message of messages) {
    for (const [at, { index = at, id, function: called }] of (message.tool_calls ?? []).entries()) {
      const call = (calls[index] ??= { id: undefined, name: '', text: '' })
      call.id ??= id
      call.name += called?.name ?? ''
      call.text += called?.arguments ?? ''
    }
  }
  return {
    text: messages.map(({ content, refusal }) => (content ?? '') + (refusal ?? '')).join(''),
    reasoning: messages.map(({ reasoning_content: thoughts }) => thoughts ?? '').join(''),
    calls: calls.map(({ id, name, text }) => ({ id, name, arguments: jsonOf(text) })),
    finish: choices
      .map(({ finish_reason: reason }) => reason ?? '')
      .join('')
      .replaceAll('_', '-'),
    logprobs: choices.flatMap(({ logprobs }) =>
      (logprobs?.content ?? []).map(({ token, logprob }) => [token, logprob] as const),
    ),
    usage: openaiUsageSaid(bodies.findLast(({ usage }) => usage)?.usage),
  }
}

/** One of several choices. */
export function chatChoice(bodies: readonly unknown[], choice: number): Said {
  return read(bodies as readonly Body[], choice)
}

export const openaiChat: WireReading = {
  whole: (body) => read([body as Body], 0),
  stream: (payloads) => read(payloads as readonly Body[], 0),
}
