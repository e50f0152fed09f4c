// https://developers.openai.com/api/reference/resources/responses
import { openaiRefusal } from './openai-refusal.ts'
import { wireName } from './openai-responses-input.ts'
import { ResponsesReader } from './openai-responses-reader.ts'
import { watchResponsesStream, watchWholeResponse } from './openai-responses-relay.ts'
import { needsResponses, responsesBody } from './openai-responses-request.ts'
import type { GenerateWire } from './wire.ts'

const path = '/responses'

/** OpenAI's Responses API. What is passed on as it stands, and what is kept of it, stays between client and provider. */
export const openaiResponsesWire: GenerateWire = {
  name: wireName,
  framing: 'server-sent-events',
  preferred: needsResponses,
  request: (request, options) => ({ path, body: JSON.stringify(responsesBody(request, options)) }),
  whole: (body) => new ResponsesReader().whole(body),
  reader: () => new ResponsesReader(),
  refusal: openaiRefusal,
  relay: {
    request: ({ body, headers }) => ({ path, body, headers }),
    watch: (stream) => (stream ? watchResponsesStream() : watchWholeResponse()),
  },
}
