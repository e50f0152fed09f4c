// https://platform.claude.com/docs/en/build-with-claude/streaming
import { z } from 'zod'
import type { StreamEvent } from '../../canonical/events.ts'
import { BlockReader, broken, raw } from './anthropic-messages-blocks.ts'
import { textEnd } from './anthropic-messages-end.ts'
import { streamError } from './anthropic-messages-refusal.ts'
import { canonicalUsage, mergedUsage, usage as usageSchema, type MessagesUsage } from './anthropic-messages-usage.ts'
import { checked, checkedJson } from './read-json.ts'
import type { StreamReader, WireEvent } from './wire.ts'

const anyEvent = z.object({ type: z.string() }).loose()
const block = z.object({ type: z.string() }).loose()
const index = z.int().min(0)

const messageStart = z.object({
  message: z.object({ id: z.string().nullish(), model: z.string().nullish(), usage: usageSchema.nullish() }),
})
const blockStart = z.object({ index, content_block: block })
const blockDelta = z.object({ index, delta: block })
const blockStop = z.object({ index })
const messageDelta = z
  .object({
    type: z.string(),
    delta: z.object({ stop_reason: z.string().nullish(), stop_sequence: z.string().nullish() }).loose(),
    usage: usageSchema.nullish(),
  })
  .loose()

const wholeMessage = z
  .object({
    type: z.literal('message').nullish(),
    role: z.literal('assistant').nullish(),
    id: z.string().nullish(),
    model: z.string().nullish(),
    content: z.array(block),
    stop_reason: z.string().nullish(),
    stop_sequence: z.string().nullish(),
    usage: usageSchema.nullish(),
  })
  .loose()

export class MessagesReader implements StreamReader {
  readonly #blocks = new BlockReader()
  #begun = false
  #ended = false
  #usage: MessagesUsage = {}

  read({ data }: WireEvent): readonly StreamEvent[] {
    const event = checkedJson(anyEvent, data)
    switch (event.type) {
      case 'message_start':
        return this.#start(checked(messageStart, event).message)
      case 'content_block_start': {
        const { index: at, content_block: begun } = checked(blockStart, event)
        return this.#blocks.start(at, begun)
      }
      case 'content_block_delta': {
        const { index: at, delta } = checked(blockDelta, event)
        return this.#blocks.delta(at, delta)
      }
      case 'content_block_stop':
        return this.#blocks.stop(checked(blockStop, event).index)
      case 'message_delta':
        return this.#delta(checked(messageDelta, event))
      case 'error':
        throw streamError(event)
      default:
        // `ping`, `message_stop`, and kinds of events that come later.
        return []
    }
  }

  end(): readonly StreamEvent[] {
    if (!this.#ended) throw broken('ended before its message_delta: it was cut')
    return [{ type: 'finish', usage: canonicalUsage(this.#usage) }]
  }

  whole(body: unknown): readonly StreamEvent[] {
    const {
      type: _,
      role: _role,
      content,
      id,
      model,
      usage,
      stop_reason,
      stop_sequence,
      ...rest
    } = checked(wholeMessage, body)
    const delta = { stop_reason: stop_reason ?? 'end_turn', stop_sequence, ...rest }
    return [
      ...this.#start({ id, model, usage }),
      ...content.flatMap((each, at) => [...this.#blocks.start(at, each), ...this.#blocks.stop(at)]),
      ...this.#delta({ type: 'message_delta', delta }),
      ...this.end(),
    ]
  }

  /** Servers that are like Anthropic's send it twice, the second time with usage. */
  #start({ id, model, usage }: z.infer<typeof messageStart>['message']): readonly StreamEvent[] {
    this.#usage = mergedUsage(this.#usage, usage ?? {})
    if (this.#begun) return []
    this.#begun = true
    return [
      { type: 'response-metadata', ...(typeof id === 'string' && { id }), ...(typeof model === 'string' && { model }) },
    ]
  }

  #delta({
    type,
    delta: { stop_reason: reason, stop_sequence, ...rest },
    usage,
    ...more
  }: z.infer<typeof messageDelta>) {
    this.#usage = mergedUsage(this.#usage, usage ?? {})
    const details = Object.entries({ ...more, ...rest }).filter(([, value]) => value !== null && value !== undefined)
    const told = details.length > 0 ? [raw({ type, delta: Object.fromEntries(details) })] : []
    if (typeof reason !== 'string' || this.#ended) return told
    this.#ended = true
    return [...told, textEnd(reason, stop_sequence)]
  }
}
