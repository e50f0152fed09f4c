import { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason } from '../../canonical/events.ts'

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  // https://docs.mistral.ai/api/#tag/chat: the model's own limit, beside that of the request.
  model_length: 'length',
  max_tokens: 'length',
}

/** What an OpenAI-like provider's word for the end of a choice means; words that are not known mean an ordinary end. */
export function openaiFinishReason(raw: string): FinishReason {
  // DeepSeek and OpenRouter end so an answer that they could not complete:
  // https://api-docs.deepseek.com/api/create-chat-completion and https://openrouter.ai/docs/api-reference/overview
  if (raw === 'insufficient_system_resource' || raw === 'error') {
    const message = `The provider could not complete its answer (finish_reason '${raw}'). Remedy: try again.`
    throw new InferloomError('provider_overloaded', message)
  }
  return Object.hasOwn(reasons, raw) ? (reasons[raw] ?? 'stop') : 'stop'
}
