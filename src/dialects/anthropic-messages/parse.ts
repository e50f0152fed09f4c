// https://platform.claude.com/docs/en/api/messages/create
import type { Dialect } from '../dialect.ts'
import { isRecord } from '../parse-body.ts'
import { readBody } from './body.ts'
import { canonicalRequest } from './canonical-request.ts'
import { errorBody, errorEvent } from './error-body.ts'
import { limitHeaders } from './limit-headers.ts'
import { MessageWriter } from './render.ts'
import { isForeign, wire } from './sealed-thinking.ts'

export const anthropicMessages: Dialect = {
  name: wire,
  paths: ['/v1/messages'],
  // https://platform.claude.com/docs/en/api/versioning and …/beta-headers
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  relayable,
  parse(input) {
    const body = readBody(input)
    return {
      request: canonicalRequest(body),
      stream: body.stream,
      writer: (id) => new MessageWriter({ id, model: body.model }),
    }
  },
  errorBody,
  // https://platform.claude.com/docs/en/api/errors#request-id
  idHeader: 'request-id',
  failEvent: errorEvent,
  limitHeaders,
}

/** Thoughts of other models in the conversation cannot go to Anthropic as they stand. */
function relayable({ messages }: Readonly<Record<string, unknown>>): boolean {
  if (!Array.isArray(messages)) return true
  return !messages.some(
    (message) =>
      isRecord(message) &&
      message['role'] === 'assistant' &&
      Array.isArray(message['content']) &&
      message['content'].some(
        (block) => isRecord(block) && block['type'] === 'thinking' && isForeign(block['signature']),
      ),
  )
}
