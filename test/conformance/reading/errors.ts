// How each wire tells an error: https://platform.openai.com/docs/guides/error-codes,
// https://platform.claude.com/docs/en/api/errors, https://google.aip.dev/193
interface SaidError {
  readonly message: string
  readonly kind: 'quota' | 'rate' | 'other'
}

type Reading = (payload: unknown) => SaidError | undefined

/** Both words are in `code`, which `type` repeats where OpenAI itself says it. */
const openai: Reading = (payload) => {
  const { error } = payload as { readonly error?: { readonly message: string; readonly code?: string | null } }
  if (typeof error !== 'object' || error === null) return undefined
  const code = error.code ?? ''
  return { message: error.message, kind: /quota/.test(code) ? 'quota' : /rate/.test(code) ? 'rate' : 'other' }
}

/** Of a stream that has begun, there are two events of this wire's own. */
const responses: Reading = (payload) => {
  const { type, message, code, response } = payload as {
    readonly type?: string
    readonly message?: string
    readonly code?: string
    readonly response?: { readonly error?: object }
  }
  if (type === 'response.failed') return openai(response)
  if (type === 'error' && message !== undefined) return openai({ error: { message, code } })
  return openai(payload)
}

const anthropic: Reading = (payload) => {
  const { type, error } = payload as { readonly type?: string; readonly error?: { type: string; message: string } }
  if (type !== 'error' || !error) return undefined
  const kinds: Record<string, SaidError['kind']> = { rate_limit_error: 'rate', billing_error: 'quota' }
  return { message: error.message, kind: kinds[error.type] ?? 'other' }
}

const gemini: Reading = (payload) => {
  const { error } = payload as {
    readonly error?: { message: string; status: string; details?: readonly { reason?: string }[] }
  }
  if (!error) return undefined
  if (error.status !== 'RESOURCE_EXHAUSTED') return { message: error.message, kind: 'other' }
  const own = error.details?.some(({ reason }) => reason === 'QUOTA_EXCEEDED')
  return { message: error.message, kind: own ? 'quota' : 'rate' }
}

export const errorReadings: Readonly<Record<string, Reading>> = {
  'openai-chat': openai,
  'openai-completions': openai,
  'openai-responses': responses,
  'anthropic-messages': anthropic,
  gemini,
}
