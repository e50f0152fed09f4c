// https://docs.cohere.com/reference/errors
import type { InferloomError } from '../../canonical/errors.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { refusalError, type CodeWords } from './refusal.ts'
import type { UpstreamRefusal } from './wire.ts'

/** A trial key has so many calls a month: https://docs.cohere.com/docs/rate-limits */
const words: CodeWords = [[/calls ?\/ ?month|per month/i, 'quota_exceeded']]

export function cohereRefusal(refusal: UpstreamRefusal): InferloomError {
  return refusalError(refusal, openaiComplaint(bodyOf(refusal.body)), words)
}

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
