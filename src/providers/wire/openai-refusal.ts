import type { InferloomError } from '../../canonical/errors.ts'
import { isRecord } from './fields.ts'
import { refusalError, type Complaint } from './refusal.ts'
import type { UpstreamRefusal } from './wire.ts'

/** OpenAI's error shape and what others made of it. https://platform.openai.com/docs/guides/error-codes */
export function openaiRefusal(refusal: UpstreamRefusal): InferloomError {
  return refusalError(refusal, openaiComplaint(parsed(refusal.body)))
}

/**
 * `{error: {message, type, code, param}}`; `{error: 'words'}` of Ollama and TGI; `{message}` of Mistral, xAI and vLLM;
 * `{detail}` of servers built on FastAPI, as a text or a list. A body that is something else says nothing.
 */
export function openaiComplaint(body: unknown): Complaint {
  if (!isRecord(body)) return {}
  const error = body['error'] ?? body
  if (typeof error === 'string') return { message: error }
  if (!isRecord(error)) return {}
  const code = [error['code'], error['type'], error['error_type']].find(
    (each) => typeof each === 'string' && each !== '',
  )
  const message = messageOf(error['message']) ?? messageOf(error['detail'])
  const { param } = error
  return {
    ...(message !== undefined && { message }),
    ...(typeof code === 'string' && { code }),
    ...(typeof param === 'string' && param !== '' && { param }),
  }
}

function messageOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const [first] = Array.isArray(value) ? (value as readonly unknown[]) : []
  if (isRecord(first) && typeof first['msg'] === 'string') return first['msg']
  return isRecord(value) && typeof value['message'] === 'string' ? value['message'] : undefined
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
