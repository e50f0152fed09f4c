// https://docs.cohere.com/v2/docs/streaming
import { z } from 'zod'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import { citationEvents, cohereUsage, textEnd, usageSchema } from './cohere-chat-events.ts'
import { checkedJson } from './read-json.ts'
import type { StreamReader, WireEvent } from './wire.ts'

const text = z.string().nullish()

/** Every kind of event has the same outline, each with a part of it. */
const event = z.object({
  type: z.string(),
  id: text,
  index: z.int().min(0).nullish(),
  delta: z
    .object({
      message: z
        .object({
          content: z.union([z.object({ text, thinking: text }), z.array(z.unknown())]),
          tool_plan: z.string(),
          tool_calls: z.union([
            z.object({ id: text, function: z.object({ name: text, arguments: text }).nullish() }),
            z.array(z.unknown()),
          ]),
          citations: z.unknown(),
        })
        .partial(),
      finish_reason: z.string(),
      error: text,
      usage: usageSchema.nullish(),
    })
    .partial()
    .nullish(),
})

type Event = z.infer<typeof event>
type Delta = NonNullable<Event['delta']>

export class CohereReader implements StreamReader {
  #usage: Usage | undefined
  /** Calls that have begun: those whose arguments may follow. */
  readonly #calls = new Set<number>()

  read({ data }: WireEvent): readonly StreamEvent[] {
    if (data === '[DONE]') return []
    const { type, id, index, delta } = checkedJson(event, data)
    const toolIndex = index ?? 0
    switch (type) {
      case 'message-start':
        return id ? [{ type: 'response-metadata', id }] : []
      case 'content-start':
      case 'content-delta':
        return contentOf(delta?.message?.content)
      case 'tool-plan-delta':
        return thought(delta?.message?.tool_plan)
      case 'tool-call-start':
        return this.#start(delta, toolIndex)
      case 'tool-call-delta':
        return this.#arguments(callOf(delta)?.function?.arguments, toolIndex)
      case 'tool-call-end':
        return this.#calls.has(toolIndex) ? [{ type: 'tool-input-end', choiceIndex: 0, toolIndex }] : []
      case 'citation-start':
        return citationEvents(delta?.message?.citations)
      case 'message-end':
        this.#usage = cohereUsage(delta?.usage ?? {})
        return [textEnd(delta?.finish_reason ?? 'COMPLETE', delta?.error)]
      default:
        return []
    }
  }

  end(): readonly StreamEvent[] {
    if (this.#usage) return [{ type: 'finish', usage: this.#usage }]
    throw new InferloomError(
      'provider_invalid_reply',
      "The provider's stream ended before its message-end: it was cut.",
    )
  }

  #start(delta: Delta | null | undefined, toolIndex: number): readonly StreamEvent[] {
    const { id, function: called } = callOf(delta) ?? {}
    if (!id || !called?.name) throw new InferloomError('provider_invalid_reply', 'A tool call has no id or no name.')
    this.#calls.add(toolIndex)
    return [
      { type: 'tool-input-start', choiceIndex: 0, toolIndex, id, toolName: called.name },
      ...this.#arguments(called.arguments, toolIndex),
    ]
  }

  #arguments(delta: string | null | undefined, toolIndex: number): readonly StreamEvent[] {
    if (!delta) return []
    if (this.#calls.has(toolIndex)) return [{ type: 'tool-input-delta', choiceIndex: 0, toolIndex, delta }]
    throw new InferloomError('provider_invalid_reply', 'The provider went on with a tool call that it never began.')
  }
}

type Content = NonNullable<NonNullable<Delta['message']>['content']>

function contentOf(content: Content | undefined): readonly StreamEvent[] {
  if (!content || Array.isArray(content)) return []
  if (content.text) return [{ type: 'text-delta', choiceIndex: 0, text: content.text }]
  return thought(content.thinking)
}

function thought(text: string | null | undefined): readonly StreamEvent[] {
  return text ? [{ type: 'reasoning-delta', choiceIndex: 0, text }] : []
}

function callOf(delta: Delta | null | undefined) {
  const calls = delta?.message?.tool_calls
  return calls === undefined || Array.isArray(calls) ? undefined : calls
}
