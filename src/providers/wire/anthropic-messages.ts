// https://platform.claude.com/docs/en/api/messages/create
import { wire } from './anthropic-messages-content.ts'
import { MessagesReader } from './anthropic-messages-reader.ts'
import { messagesRefusal } from './anthropic-messages-refusal.ts'
import { watchStream, watchWhole } from './anthropic-messages-relay.ts'
import { messagesRequest } from './anthropic-messages-request.ts'
import type { GenerateWire } from './wire.ts'

export const anthropicMessages: GenerateWire = {
  name: wire,
  framing: 'server-sent-events',
  request: messagesRequest,
  whole: (body) => new MessagesReader().whole(body),
  reader: () => new MessagesReader(),
  refusal: messagesRefusal,
  relay: {
    request: ({ body, headers }) => ({ path: '/v1/messages', body, headers }),
    watch: (stream) => (stream ? watchStream() : watchWhole()),
  },
}
