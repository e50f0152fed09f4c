// https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming
import { jsonOf, type Call, type Said, type WireReading } from './said.ts'

interface Part {
  readonly type: string
  readonly text?: string
  readonly refusal?: string
  readonly logprobs?: readonly { readonly token: string; readonly logprob: number }[]
}

interface Item {
  readonly type: string
  readonly content?: readonly Part[]
  readonly summary?: readonly Part[]
  readonly call_id?: string
  readonly name?: string
  readonly arguments?: string
  readonly input?: string
}

interface Response {
  readonly status: string
  readonly output: readonly Item[]
  readonly incomplete_details?: { readonly reason?: string } | null
  readonly usage?: {
    readonly input_tokens: number
    readonly input_tokens_details?: { readonly cached_tokens?: number; readonly cache_write_tokens?: number }
    readonly output_tokens: number
    readonly output_tokens_details?: { readonly reasoning_tokens?: number }
  } | null
}

interface Event {
  readonly type: string
  readonly response?: Response
  readonly item?: Item
  readonly output_index?: number
  readonly delta?: string
  readonly logprobs?: Part['logprobs']
}

function callsOf(items: readonly Item[]): Call[] {
  return items
    .filter(({ type }) => type === 'function_call' || type === 'custom_tool_call')
    .map(({ type, call_id: id, name = '', arguments: text = '', input }) => ({
      id,
      name,
      arguments: type === 'custom_tool_call' ? { input } : jsonOf(text),
    }))
}

function endOf({ status, incomplete_details: details, usage }: Response, calls: readonly Call[]) {
  const reasons: Record<string, string> = { max_output_tokens: 'length', content_filter: 'content-filter' }
  return {
    finish:
      status === 'incomplete'
        ? (reasons[details?.reason ?? ''] ?? 'unknown')
        : status !== 'completed'
          ? status
          : calls.length > 0
            ? 'tool-calls'
            : 'stop',
    usage: {
      input: usage?.input_tokens,
      cacheRead: usage?.input_tokens_details?.cached_tokens ?? 0,
      cacheWrite: usage?.input_tokens_details?.cache_write_tokens ?? 0,
      output: usage?.output_tokens,
      reasoning: usage?.output_tokens_details?.reasoning_tokens ?? 0,
    },
  }
}

export const openaiResponses: WireReading = {
  whole(given): Said {
    const response = given as Response
    const parts = response.output.flatMap(({ type, content }) => (type === 'message' ? (content ?? []) : []))
    const thoughts = response.output.flatMap(({ type, content, summary }) =>
      type === 'reasoning' ? [...(summary ?? []), ...(content ?? [])] : [],
    )
    const calls = callsOf(response.output)
    return {
      text: parts.map(({ text, refusal }) => text ?? refusal ?? '').join(''),
      reasoning: thoughts.map(({ text }) => text ?? '').join(''),
      calls,
      logprobs: parts.flatMap(({ logprobs }) =>
        (logprobs ?? []).map(({ token, logprob }) => [token, logprob] as const),
      ),
      ...endOf(response, calls),
    }
  },
  stream(payloads): Said {
    const events = payloads as readonly Event[]
    const pieces = (...types: string[]) =>
      events.flatMap(({ type, delta = '' }) => (types.some((each) => type === `response.${each}.delta`) ? [delta] : []))
    const items: Item[] = []
    for (const { type, item, output_index: at = 0 } of events) {
      if (type === 'response.output_item.done' && item) items[at] = item
    }
    // Items that are side by side may end in another order than they began, and some numbers are left out.
    const calls = callsOf(items.filter(Boolean))
    const response = events.findLast((event) => event.response)?.response
    if (!response) throw new Error('no event holds a response')
    return {
      text: pieces('output_text', 'refusal').join(''),
      reasoning: pieces('reasoning_summary_text', 'reasoning_text').join(''),
      calls,
      logprobs: events.flatMap(({ type, logprobs }) =>
        type === 'response.output_text.delta'
          ? (logprobs ?? []).map(({ token, logprob }) => [token, logprob] as const)
          : [],
      ),
      ...endOf(response, calls),
    }
  },
}
