// https://platform.claude.com/docs/en/api/messages/create and …/build-with-claude/streaming
import { jsonOf, type Said, type WireReading } from './said.ts'

interface Block {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
  readonly id?: string
  readonly name?: string
  readonly input?: unknown
}

interface Usage {
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
  readonly output_tokens_details?: { readonly thinking_tokens?: number } | null
}

interface Message {
  readonly content: readonly Block[]
  readonly stop_reason: string | null
  readonly usage: Usage
}

interface Event {
  readonly type: string
  readonly index?: number
  readonly message?: Message
  readonly content_block?: Block
  readonly delta?: {
    readonly type?: string
    readonly text?: string
    readonly thinking?: string
    readonly partial_json?: string
    readonly stop_reason?: string
  }
  readonly usage?: Usage
}

const reasons: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
}

export const anthropicMessages: WireReading = {
  whole(given): Said {
    const { content, stop_reason: reason, usage } = given as Message
    const cacheRead = usage.cache_read_input_tokens ?? 0
    const cacheWrite = usage.cache_creation_input_tokens ?? 0
    return {
      text: content.map(({ type, text }) => (type === 'text' ? text : '')).join(''),
      reasoning: content.map(({ type, thinking }) => (type === 'thinking' ? thinking : '')).join(''),
      calls: content.flatMap(({ type, id, name = '', input }) =>
        type === 'tool_use' ? [{ id, name, arguments: input }] : [],
      ),
      finish: reasons[reason ?? ''] ?? `unknown: ${reason}`,
      logprobs: [],
      usage: {
        input: typeof usage.input_tokens === 'number' ? usage.input_tokens + cacheRead + cacheWrite : undefined,
        cacheRead,
        cacheWrite,
        output: usage.output_tokens ?? undefined,
        reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
      },
    }
  },
  /** Blocks are put together as the documentation says, and the message they make is read. */
  stream(payloads): Said {
    let usage: Usage = {}
    let reason: string | null = null
    const blocks: (Block & { json?: string })[] = []
    for (const { type, index = 0, message, content_block: begun, delta, usage: counted } of payloads as Event[]) {
      if (type === 'message_start') usage = message?.usage ?? {}
      if (type === 'content_block_start' && begun) blocks[index] = { ...begun, json: '' }
      const block = blocks[index]
      if (type === 'content_block_delta' && block) {
        blocks[index] = {
          ...block,
          text: (block.text ?? '') + (delta?.text ?? ''),
          thinking: (block.thinking ?? '') + (delta?.thinking ?? ''),
          json: (block.json ?? '') + (delta?.partial_json ?? ''),
        }
      }
      if (type === 'message_delta') {
        reason = delta?.stop_reason ?? null
        usage = { ...usage, ...counted }
      }
    }
    const content = blocks.map(({ json = '', ...block }) =>
      block.type === 'tool_use' ? { ...block, input: json === '' ? block.input : jsonOf(json) } : block,
    )
    return anthropicMessages.whole({ content, stop_reason: reason, usage } satisfies Message)
  },
}
