// https://ai-sdk.dev/docs/reference/ai-sdk-errors
import { InferloomError } from '../canonical/errors.ts'
import { isRecord, listOf, recordOf, textOf } from './wire/fields.ts'
import { openaiComplaint } from './wire/openai-refusal.ts'
import { refusalError, shown } from './wire/refusal.ts'
import { unsupported } from './wire/unsupported.ts'

/**
 * An error of ours from what a package threw. It holds the request, prompt and all, and its words may: neither is kept but
 * for what the provider itself said.
 */
export function aiSdkError(thrown: unknown, provider: string): InferloomError {
  if (thrown instanceof InferloomError) return thrown
  // Packages bring copies of the classes of their own, so that only the names are the same.
  const error =
    isRecord(thrown) || thrown instanceof Error ? (thrown as unknown as Readonly<Record<string, unknown>>) : {}
  const name = textOf(error['name']) ?? ''
  const fault = { provider }
  switch (name) {
    case 'AI_APICallError':
      return callError(error, provider)
    case 'AI_UnsupportedFunctionalityError':
      return unsupported(shown(textOf(error['functionality']) ?? 'this'), provider)
    case 'AI_LoadAPIKeyError': {
      const message = `There is no key for ${provider}. Remedy: set providers.${provider}.key.`
      return new InferloomError('provider_key_missing', message, { fault })
    }
    case 'AI_NoSuchModelError':
      return new InferloomError('provider_not_found', `${provider} has no such model.`, { fault })
    case 'AI_JSONParseError':
    case 'AI_TypeValidationError':
    case 'AI_InvalidResponseDataError':
    case 'AI_EmptyResponseBodyError': {
      const message = `${provider} sent something that is not an answer (${name}). Remedy: try again.`
      return new InferloomError('provider_invalid_reply', message, { fault })
    }
    default: {
      const message = `${provider} failed${name === '' ? '' : ` with ${shown(name)}`}. Remedy: try again.`
      return new InferloomError('provider_failed', message, { fault })
    }
  }
}

function callError(error: Readonly<Record<string, unknown>>, provider: string): InferloomError {
  const { statusCode: status, responseHeaders, responseBody } = error
  const fault = { provider }
  if (typeof status !== 'number') {
    const message = `${provider} could not be reached. Remedy: check the network and providers.${provider}.baseUrl.`
    return new InferloomError('provider_unreachable', message, { fault })
  }
  // Its status was well, its body was not.
  if (status < 300) {
    const message = `${provider} sent something that is not an answer. Remedy: try again.`
    return new InferloomError('provider_invalid_reply', message, { fault: { provider, status } })
  }
  const headers = Object.entries(recordOf(responseHeaders)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  const body = (textOf(responseBody) ?? '').slice(0, 65_536)
  const refusal = { provider, status, headers: Object.fromEntries(headers), body }
  return refusalError(refusal, openaiComplaint(jsonOf(body)))
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Packages warn of what they leave out, which here is no warning: what was asked for is not done. */
export function refuseWarnings(warnings: unknown, provider: string): void {
  for (const warning of listOf(warnings).map(recordOf)) {
    const kind = textOf(warning['type']) ?? ''
    if (!kind.startsWith('unsupported')) continue
    const what = textOf(warning['feature']) ?? textOf(warning['setting']) ?? textOf(recordOf(warning['tool'])['name'])
    throw unsupported(shown(what ?? 'something that was asked for'), provider)
  }
}
