// https://docs.cohere.com/reference/chat and …/v2/docs/streaming
import { jsonOf, type Said, type WireReading } from './said.ts'

interface Call {
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

interface Usage {
  readonly tokens?: { readonly input_tokens?: number; readonly output_tokens?: number }
  readonly cached_tokens?: number
}

interface Body {
  readonly message: {
    readonly content?: readonly { readonly text?: string; readonly thinking?: string }[]
    readonly tool_plan?: string
    readonly tool_calls?: readonly Call[]
  }
  readonly finish_reason: string
  readonly usage?: Usage
}

interface Event {
  readonly type: string
  readonly index?: number
  readonly delta?: {
    readonly message?: {
      readonly content?: { readonly text?: string; readonly thinking?: string }
      readonly tool_plan?: string
      readonly tool_calls?: Call
    }
    readonly finish_reason?: string
    readonly usage?: Usage
  }
}

const reasons: Readonly<Record<string, string>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool-calls',
}

export const cohereChat: WireReading = {
  whole(given): Said {
    const { message, finish_reason: reason, usage } = given as Body
    const content = message.content ?? []
    return {
      text: content.map(({ text }) => text ?? '').join(''),
      reasoning: (message.tool_plan ?? '') + content.map(({ thinking }) => thinking ?? '').join(''),
      calls: (message.tool_calls ?? []).map(({ id, function: called }) => ({
        id,
        name: called?.name ?? '',
        arguments: jsonOf(called?.arguments ?? ''),
      })),
      finish: reasons[reason] ?? 'content-filter',
      logprobs: [],
      usage: {
        input: usage?.tokens?.input_tokens,
        cacheRead: usage?.cached_tokens ?? 0,
        cacheWrite: 0,
        output: usage?.tokens?.output_tokens,
        reasoning: 0,
      },
    }
  },
  stream(payloads): Said {
    const events = payloads as readonly Event[]
    const messages = events.flatMap(({ type, delta }) =>
      type !== 'message-start' && delta?.message ? [delta.message] : [],
    )
    const calls: { id: string; name: string; text: string }[] = []
    for (const { index = 0, delta } of events) {
      const call = delta?.message?.tool_calls
      if (!call || Array.isArray(call)) continue
      const known = (calls[index] ??= { id: call.id ?? '', name: call.function?.name ?? '', text: '' })
      known.text += call.function?.arguments ?? ''
    }
    const end = events.find(({ type }) => type === 'message-end')?.delta
    return cohereChat.whole({
      message: {
        content: messages.flatMap(({ content }) => content ?? []),
        tool_plan: messages.map(({ tool_plan: plan }) => plan ?? '').join(''),
        tool_calls: calls.map(({ id, name, text }) => ({ id, function: { name, arguments: text } })),
      },
      finish_reason: end?.finish_reason ?? '',
      ...(end?.usage && { usage: end.usage }),
    } satisfies Body)
  },
}
