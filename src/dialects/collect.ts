import type { FinishReason, StreamEvent, TokenLogprobs } from '../canonical/events.ts'
import type { ToolCall } from '../canonical/request.ts'
import type { Usage } from '../canonical/usage.ts'

export interface CollectedChoice {
  text: string
  reasoning: string
  toolCalls: ToolCall[]
  logprobs: TokenLogprobs[]
  finishReason: FinishReason
}

/** Puts the events of a complete stream together again, by choice. */
export function collect(events: readonly StreamEvent[]): { choices: CollectedChoice[]; usage: Usage } {
  const choices: CollectedChoice[] = []
  let usage: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0, reasoning: 0 } }
  for (const event of events) {
    if (event.type === 'finish') usage = event.usage
    else add(event, (choices[event.choiceIndex] ??= emptyChoice()))
  }
  return { choices, usage }
}

function emptyChoice(): CollectedChoice {
  return { text: '', reasoning: '', toolCalls: [], logprobs: [], finishReason: 'stop' }
}

function add(event: Exclude<StreamEvent, { type: 'finish' }>, choice: CollectedChoice): void {
  switch (event.type) {
    case 'text-delta':
      choice.text += event.text
      if (event.logprobs) choice.logprobs.push(...event.logprobs)
      break
    case 'reasoning-delta':
      choice.reasoning += event.text
      break
    case 'tool-input-start':
      choice.toolCalls[event.toolIndex] = { id: event.id, name: event.toolName, arguments: '' }
      break
    case 'tool-input-delta': {
      const call = choice.toolCalls[event.toolIndex]
      if (call) choice.toolCalls[event.toolIndex] = { ...call, arguments: call.arguments + event.delta }
      break
    }
    case 'tool-input-end':
      break
    case 'text-end':
      choice.finishReason = event.finishReason
      break
  }
}
