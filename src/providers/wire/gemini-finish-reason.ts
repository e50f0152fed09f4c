// https://ai.google.dev/api/generate-content#FinishReason
import { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason } from '../../canonical/events.ts'

/** The model wrote what Google itself could not read, so that there is no answer. */
const failures = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MISSING_THOUGHT_SIGNATURE',
  'MALFORMED_RESPONSE',
])

const filtered = new Set(['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'MODEL_ARMOR'])

/** What is not known ends an answer like any other. Gemini says STOP also where it calls functions. */
export function geminiFinishReason(reason: string, calls: boolean): FinishReason {
  if (reason === 'MAX_TOKENS' || reason === 'CONTINUATION') return 'length'
  if (filtered.has(reason) || /^IMAGE_(SAFETY|PROHIBITED_CONTENT|RECITATION)$/.test(reason)) return 'content-filter'
  return calls ? 'tool-calls' : 'stop'
}

export function refuseFailure(reason: string): void {
  if (!failures.has(reason)) return
  const message = `The model wrote what the provider could not read (${reason}). Remedy: try again.`
  throw new InferloomError('provider_failed', message)
}
