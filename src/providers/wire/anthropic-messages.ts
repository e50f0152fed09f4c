// https://platform.claude.com/docs/en/api/messages/create
import { z } from 'zod'
import { wire } from './anthropic-messages-content.ts'
import { MessagesReader } from './anthropic-messages-reader.ts'
import { messagesRefusal } from './anthropic-messages-refusal.ts'
import { watchStream, watchWhole } from './anthropic-messages-relay.ts'
import { countRequest, messagesRequest } from './anthropic-messages-request.ts'
import { checked } from './read-json.ts'
import type { CountWire, GenerateWire } from './wire.ts'

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

const counted = z.object({ input_tokens: z.int().min(0) })

export const anthropicCount: CountWire = {
  request: countRequest,
  // Anthropic itself calls it an estimate: https://platform.claude.com/docs/en/build-with-claude/token-counting
  result: (body) => ({ tokens: checked(counted, body).input_tokens, exact: false }),
  refusal: messagesRefusal,
}
