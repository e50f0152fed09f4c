import type { FinishReason, StreamEvent, TokenLogprobs } from '../canonical/events.ts'
import type { Usage } from '../canonical/usage.ts'

export interface CollectedChoice {
  text: string
  logprobs: TokenLogprobs[]
  finishReason: FinishReason
}

/** Puts the events of a complete stream together again, by choice. */
export function collect(events: readonly StreamEvent[]): { choices: CollectedChoice[]; usage: Usage } {
  const choices: CollectedChoice[] = []
  let usage: Usage = { inputTokens: { total: 0, cacheRead: 0 }, outputTokens: { total: 0 } }
  for (const event of events) {
    if (event.type === 'finish') {
      usage = event.usage
      continue
    }
    const choice = (choices[event.choiceIndex] ??= { text: '', logprobs: [], finishReason: 'stop' })
    if (event.type === 'text-end') choice.finishReason = event.finishReason
    else {
      choice.text += event.text
      if (event.logprobs) choice.logprobs.push(...event.logprobs)
    }
  }
  return { choices, usage }
}
