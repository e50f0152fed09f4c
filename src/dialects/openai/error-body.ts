import type { InferloomError } from '../../canonical/errors.ts'

/** OpenAI's error shape: https://platform.openai.com/docs/guides/error-codes */
export function errorBody(error: InferloomError): { error: Record<string, unknown> } {
  return { error: { message: error.message, type: error.kind.type, param: error.param ?? null, code: error.code } }
}
