// https://platform.openai.com/docs/api-reference/chat
import type { ChatOptions } from './openai-chat-options.ts'
import { ChatReader } from './openai-chat-reader.ts'
import { chatBody, fieldsOf } from './openai-chat-request.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { openaiRelay } from './openai-relay.ts'
import type { GenerateWire } from './wire.ts'

const usualPath = () => '/chat/completions'

/** OpenAI's chat completions, as one provider speaks them. */
export function openaiChatWire(options: ChatOptions = {}): GenerateWire {
  const can = fieldsOf(options.fields)
  const path = options.path ?? usualPath
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
    relay: openaiRelay(path, options),
  }
}
