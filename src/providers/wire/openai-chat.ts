// https://platform.openai.com/docs/api-reference/chat
import type { ChatOptions } from './openai-chat-options.ts'
import { ChatReader } from './openai-chat-reader.ts'
import { chatBody, fieldsOf } from './openai-chat-request.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { addsUsage, watchStream, watchWhole, withUsage } from './openai-relay.ts'
import type { GenerateWire } from './wire.ts'

const usualPath = () => '/chat/completions'

/** OpenAI's chat completions, as one provider speaks them. */
export function openaiChatWire(options: ChatOptions = {}): GenerateWire {
  const can = fieldsOf(options.fields)
  const path = options.path ?? usualPath
  const mayAddUsage = options.streamOptions !== false
  return {
    name: 'openai-chat',
    framing: 'server-sent-events',
    request: (request, { provider, stream }) => ({
      path: path(request.model),
      body: JSON.stringify(chatBody(request, { provider, stream, options, can })),
    }),
    whole: (body) => new ChatReader().whole(body),
    reader: () => new ChatReader(),
    refusal: openaiRefusal,
    relay: {
      request: (request) => ({
        path: path(request.model),
        body: mayAddUsage && addsUsage(request) ? withUsage(request.body) : request.body,
        headers: request.headers,
      }),
      watch: (stream, request) =>
        stream
          ? watchStream(request, { usageAdded: mayAddUsage && request !== undefined && addsUsage(request) })
          : watchWhole(),
    },
  }
}
