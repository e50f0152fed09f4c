// https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // A tool of the provider's own took long: the client sends the answer back to have it go on.
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
}

export function finishReasonOf(reason: string): FinishReason {
  return (Object.hasOwn(reasons, reason) ? reasons[reason] : undefined) ?? 'stop'
}

export function textEnd(reason: string, stopString: string | null | undefined): StreamEvent {
  return {
    type: 'text-end',
    choiceIndex: 0,
    finishReason: finishReasonOf(reason),
    rawFinishReason: reason,
    ...(typeof stopString === 'string' && { stopString }),
  }
}
