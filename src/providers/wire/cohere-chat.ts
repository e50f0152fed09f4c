// https://docs.cohere.com/reference/chat
import { z } from 'zod'
import type { StreamEvent } from '../../canonical/events.ts'
import { citationEvents, cohereUsage, textEnd, usageSchema, wire } from './cohere-chat-events.ts'
import { CohereReader } from './cohere-chat-reader.ts'
import { cohereRequest } from './cohere-chat-request.ts'
import { cohereRefusal } from './cohere-refusal.ts'
import { checked } from './read-json.ts'
import type { GenerateWire } from './wire.ts'

const reply = z.object({
  id: z.string().nullish(),
  finish_reason: z.string(),
  message: z.object({
    content: z.array(z.object({ text: z.string().nullish(), thinking: z.string().nullish() })).nullish(),
    tool_plan: z.string().nullish(),
    tool_calls: z
      .array(z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string().nullish() }) }))
      .nullish(),
    citations: z.array(z.unknown()).nullish(),
  }),
  usage: usageSchema.nullish(),
})

export const cohereChat: GenerateWire = {
  name: wire,
  framing: 'server-sent-events',
  request: cohereRequest,
  whole(body) {
    const { id, finish_reason: reason, message, usage } = checked(reply, body)
    return [
      ...(id ? [{ type: 'response-metadata' as const, id }] : []),
      ...eventsOf(message),
      textEnd(reason),
      { type: 'finish', usage: cohereUsage(usage ?? {}) },
    ]
  },
  reader: () => new CohereReader(),
  refusal: cohereRefusal,
}

function eventsOf(message: z.infer<typeof reply>['message']): readonly StreamEvent[] {
  const { content, tool_plan: plan, tool_calls: calls, citations } = message
  const choiceIndex = 0
  return [
    ...(plan ? [{ type: 'reasoning-delta' as const, choiceIndex, text: plan }] : []),
    ...(content ?? []).flatMap(({ text, thinking }): StreamEvent[] => {
      if (thinking) return [{ type: 'reasoning-delta', choiceIndex, text: thinking }]
      return text ? [{ type: 'text-delta', choiceIndex, text }] : []
    }),
    ...(calls ?? []).flatMap(({ id, function: called }, toolIndex): StreamEvent[] => [
      { type: 'tool-input-start', choiceIndex, toolIndex, id, toolName: called.name },
      { type: 'tool-input-delta', choiceIndex, toolIndex, delta: called.arguments ?? '{}' },
      { type: 'tool-input-end', choiceIndex, toolIndex },
    ]),
    ...(citations ?? []).flatMap((citation) => citationEvents(citation)),
  ]
}
