// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and …_ConverseStream.html
import { jsonOf, type Said, type WireReading } from './said.ts'

interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadInputTokens?: number
  readonly cacheWriteInputTokens?: number
}

interface Content {
  readonly text?: string
  readonly reasoningContent?: { readonly text?: string; readonly reasoningText?: { readonly text?: string } }
  readonly toolUse?: { readonly toolUseId?: string; readonly name?: string; readonly input?: unknown }
}

interface Body {
  readonly output: { readonly message: { readonly content: readonly Content[] } }
  readonly stopReason: string
  readonly usage: Usage
}

interface Event {
  readonly contentBlockStart?: { readonly contentBlockIndex: number; readonly start: Content }
  readonly contentBlockDelta?: { readonly contentBlockIndex: number; readonly delta: Content }
  readonly messageStop?: { readonly stopReason: string }
  readonly metadata?: { readonly usage: Usage }
}

const reasons: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool-calls',
}

export const bedrockConverse: WireReading = {
  whole(given): Said {
    const { output, stopReason, usage } = given as Body
    const { content } = output.message
    const { inputTokens, cacheReadInputTokens: cacheRead = 0, cacheWriteInputTokens: cacheWrite = 0 } = usage
    return {
      text: content.map(({ text }) => text ?? '').join(''),
      reasoning: content
        .map(({ reasoningContent: thoughts }) => thoughts?.text ?? thoughts?.reasoningText?.text ?? '')
        .join(''),
      calls: content.flatMap(({ toolUse: call }) =>
        call ? [{ id: call.toolUseId, name: call.name ?? '', arguments: call.input }] : [],
      ),
      finish: reasons[stopReason] ?? 'content-filter',
      logprobs: [],
      usage: {
        // What was read from or written to a cache is counted beside the input.
        input: inputTokens + cacheRead + cacheWrite,
        cacheRead,
        cacheWrite,
        output: usage.outputTokens,
        reasoning: 0,
      },
    }
  },
  stream(payloads): Said {
    const events = payloads as readonly Event[]
    const deltas = events.flatMap(({ contentBlockDelta: each }) => (each ? [each] : []))
    const calls = events.flatMap(({ contentBlockStart: begun }): Content[] => {
      if (!begun?.start.toolUse) return []
      const own = deltas.filter(({ contentBlockIndex: index }) => index === begun.contentBlockIndex)
      const text = own
        .map(({ delta }) => (typeof delta.toolUse?.input === 'string' ? delta.toolUse.input : ''))
        .join('')
      return [{ toolUse: { ...begun.start.toolUse, input: jsonOf(text) } }]
    })
    const said = deltas.flatMap(({ delta }) => (delta.toolUse ? [] : [delta]))
    return bedrockConverse.whole({
      output: { message: { content: [...said, ...calls] } },
      stopReason: events.find(({ messageStop }) => messageStop)?.messageStop?.stopReason ?? '',
      usage: events.find(({ metadata }) => metadata)?.metadata?.usage ?? { inputTokens: -1, outputTokens: -1 },
    } satisfies Body)
  },
}
