import type { InferloomError, ProviderFault } from '../../canonical/errors.ts'

/** OpenAI's error shape: https://platform.openai.com/docs/guides/error-codes. What is known of a provider comes beside it. */
export function errorBody(error: InferloomError): { error: Record<string, unknown> } {
  const { message, param = null, code, kind, fault } = error
  return { error: { message, type: kind.type, param, code, ...(fault && { provider: faultBody(fault) }) } }
}

/** The error as the last event of a stream. */
export function errorEvent(error: InferloomError): string {
  return `data: ${JSON.stringify(errorBody(error))}\n\n`
}

function faultBody({ provider, status, code, requestId }: ProviderFault) {
  return { name: provider, status: status ?? null, code: code ?? null, request_id: requestId ?? null }
}
