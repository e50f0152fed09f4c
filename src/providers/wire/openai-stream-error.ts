import { InferloomError } from '../../canonical/errors.ts'
import { isRecord } from './fields.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { refusalError } from './refusal.ts'

/**
 * Throws where an answer that began as one is an error: OpenAI sends `{error}` in mid-stream, OpenRouter also beside
 * choices and with an HTTP status as its code. https://openrouter.ai/docs/api-reference/errors
 */
export function throwReportedError(body: Readonly<Record<string, unknown>>): void {
  const { error } = body
  if (error === undefined || error === null) return
  const status = isRecord(error) && typeof error['code'] === 'number' ? error['code'] : 500
  const complaint = openaiComplaint(body)
  const known = refusalError({ provider: 'The provider', status, headers: {}, body: '' }, complaint)
  // An answer was begun, so the words decide where the status says nothing: `server_error`, `rate_limit_exceeded`, …
  const code = status === 500 && /rate_limit/.test(complaint.code ?? '') ? 'rate_limited' : known.code
  throw new InferloomError(code, known.message)
}
