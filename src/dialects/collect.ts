import type { ChoiceEvent, FinishReason, StreamEvent, TokenLogprobs } from '../canonical/events.ts'
import type { ReasoningBlock, ToolCall } from '../canonical/request.ts'
import type { Usage } from '../canonical/usage.ts'

export interface CollectedChoice {
  text: string
  refusal: string
  reasoning: string
  /** The thoughts again, in blocks, where their provider ended blocks. */
  reasoningBlocks: ReasoningBlock[]
  toolCalls: ToolCall[]
  logprobs: TokenLogprobs[]
  sources: { readonly url: string; readonly title?: string }[]
  raw: { readonly wire: string; readonly value: unknown }[]
  finishReason: FinishReason
  stopString: string | undefined
}

interface Collected {
  readonly choices: CollectedChoice[]
  readonly usage: Usage
  /** What the provider said of its answer as a whole. */
  readonly metadata: { readonly id?: string; readonly model?: string; readonly systemFingerprint?: string }
}

/** Puts the events of a complete stream together again, by choice. */
export function collect(events: readonly StreamEvent[]): Collected {
  const choices: CollectedChoice[] = []
  const blockStarts: number[] = []
  let usage: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } }
  let metadata: Collected['metadata'] = {}
  for (const event of events) {
    if (event.type === 'finish') usage = event.usage
    else if (event.type === 'response-metadata') {
      const { type: _, requestId: __, limits: ___, ...said } = event
      metadata = { ...metadata, ...said }
    } else if (event.type === 'reasoning-end') {
      const choice = (choices[event.choiceIndex] ??= emptyChoice())
      const { type: _, choiceIndex, ...sealed } = event
      choice.reasoningBlocks.push({ text: choice.reasoning.slice(blockStarts[choiceIndex] ?? 0), ...sealed })
      blockStarts[choiceIndex] = choice.reasoning.length
    } else add(event, (choices[event.choiceIndex] ??= emptyChoice()))
  }
  return { choices, usage, metadata }
}

function emptyChoice(): CollectedChoice {
  return {
    text: '',
    refusal: '',
    reasoning: '',
    reasoningBlocks: [],
    toolCalls: [],
    logprobs: [],
    sources: [],
    raw: [],
    finishReason: 'stop',
    stopString: undefined,
  }
}

function add(event: Exclude<ChoiceEvent, { type: 'reasoning-end' }>, choice: CollectedChoice): void {
  switch (event.type) {
    case 'text-delta':
      choice.text += event.text
      if (event.logprobs) choice.logprobs.push(...event.logprobs)
      break
    case 'refusal-delta':
      choice.refusal += event.text
      break
    case 'reasoning-delta':
      choice.reasoning += event.text
      break
    case 'tool-input-start': {
      const { id, toolName: name, signature } = event
      choice.toolCalls[event.toolIndex] = { id, name, arguments: '', ...(signature && { signature }) }
      break
    }
    case 'tool-input-delta': {
      const call = choice.toolCalls[event.toolIndex]
      if (call) choice.toolCalls[event.toolIndex] = { ...call, arguments: call.arguments + event.delta }
      break
    }
    case 'tool-input-end':
      break
    case 'source': {
      const { url, title } = event
      choice.sources.push({ url, ...(title !== undefined && { title }) })
      break
    }
    case 'raw':
      choice.raw.push({ wire: event.wire, value: event.value })
      break
    case 'text-end':
      choice.finishReason = event.finishReason
      choice.stopString = event.stopString
      break
  }
}
