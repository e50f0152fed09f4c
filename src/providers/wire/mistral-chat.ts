// https://docs.mistral.ai/api/endpoint/chat
import type { InferloomError } from '../../canonical/errors.ts'
import { isRecord, listOf, recordOf, textOf } from './fields.ts'
import type { ChatOptions } from './openai-chat-options.ts'
import { ChatReader } from './openai-chat-reader.ts'
import { chatBody, fieldsOf } from './openai-chat-request.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { mistralMessages } from './mistral-messages.ts'
import { refusalError, type Complaint } from './refusal.ts'
import { unsupported } from './unsupported.ts'
import type { GenerateWire, UpstreamRefusal } from './wire.ts'

/** It refuses every field that it does not know, so that what it has no name for must not be sent. */
const options: ChatOptions = {
  fields: { seed: 'random_seed', logit_bias: null, logprobs: null, top_logprobs: null, verbosity: null },
  streamOptions: false,
  tells: ['prompt_cache_key', 'metadata'],
}

const can = fieldsOf(options.fields)

/**
 * OpenAI's chat completions with names and parts of Mistral's own. A client's own bytes are not passed on: a `seed`, an
 * id of a call or `stream_options`, which mean the same here, would be refused.
 */
export function mistralChatWire(extraBody: ChatOptions['extraBody'] = {}): GenerateWire {
  return {
    name: 'mistral-chat',
    framing: 'server-sent-events',
    request(request, { provider, stream }) {
      const { input } = request
      if (input.kind !== 'chat') throw unsupported('prompt', provider, 'send messages')
      // The rest of the body is OpenAI's; the messages are not.
      const rest = { ...request, input: { kind: 'chat' as const, messages: [] } }
      const body = {
        ...chatBody(rest, { provider, stream, options: { ...options, extraBody }, can }),
        messages: mistralMessages(input.messages, provider),
      }
      return { path: '/chat/completions', body: JSON.stringify(body) }
    },
    whole: (body) => new ChatReader().whole(body),
    reader: () => new ChatReader(),
    refusal: mistralRefusal,
  }
}

function mistralRefusal(refusal: UpstreamRefusal): InferloomError {
  return refusalError(refusal, complaintOf(refusal.body))
}

/** Of a field that it does not know: `{message: {detail: [{loc: ['body', 'x'], msg: 'Extra inputs are not permitted'}]}}`. */
function complaintOf(body: string): Complaint {
  const parsed = jsonOf(body)
  const { message } = recordOf(parsed)
  const complaint = openaiComplaint(isRecord(message) ? message : parsed)
  const [first] = listOf(isRecord(message) ? message['detail'] : recordOf(parsed)['detail'])
  const param = listOf(recordOf(first)['loc']).flatMap((each) => textOf(each) ?? [])
  return param.length > 1 ? { ...complaint, param: param.slice(1).join('.') } : complaint
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
