// https://platform.claude.com/docs/en/build-with-claude/streaming and …/api/messages/create
import type { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'
import { isRecord } from '../parse-body.ts'
import type { AnswerWriter } from '../dialect.ts'
import { AnswerBlocks, type Block, type BlockEvent } from './answer-blocks.ts'
import { errorEvent } from './error-body.ts'
import { wire } from './sealed-thinking.ts'
import { deltaUsage, noUsage, usageBody } from './usage.ts'
import { wholeBlocks } from './whole-blocks.ts'

interface MessageWriterOptions {
  readonly id: string
  /** As the client called it, where the provider does not name the very model. */
  readonly model: string
}

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
}

/** Anthropic's own words, which say more than ours. */
const ownReasons = new Set([
  ...Object.values(stopReasons),
  'stop_sequence',
  'pause_turn',
  'model_context_window_exceeded',
])

interface Stop {
  readonly stop_reason: string
  readonly stop_sequence: string | null
}

export class MessageWriter implements AnswerWriter {
  readonly #id: string
  #model: string
  readonly #blocks = new AnswerBlocks()
  #begun = false
  #refused = false
  #stop: Stop = { stop_reason: 'end_turn', stop_sequence: null }
  /** What Anthropic said of the end and nobody else has a word for, such as why it refused. */
  #details: Block = {}
  #usage = noUsage

  constructor({ id, model }: MessageWriterOptions) {
    this.#id = `msg_${id}`
    this.#model = model
  }

  chunk(events: readonly StreamEvent[]): string {
    return events.map((event) => this.#event(event)).join('')
  }

  #event(event: StreamEvent): string {
    const written = this.#observe(event).map(eventOf).join('')
    const start = this.#start()
    if (event.type !== 'finish') return start + written
    const delta = { ...this.#stop, ...this.#details }
    return start + written + eventOf({ type: 'message_delta', delta, usage: deltaUsage(this.#usage) })
  }

  /** Only the end says how many tokens there were. */
  #start(): string {
    if (this.#begun) return ''
    this.#begun = true
    const message = { ...this.#message([]), stop_reason: null, stop_sequence: null, usage: usageBody(noUsage) }
    return eventOf({ type: 'message_start', message })
  }

  #observe(event: StreamEvent): readonly BlockEvent[] {
    // This wire has one choice only.
    if ('choiceIndex' in event && event.choiceIndex !== 0) return []
    if (event.type === 'response-metadata') this.#model = event.model ?? this.#model
    else if (event.type === 'refusal-delta') this.#refused = true
    else if (event.type === 'finish') this.#usage = event.usage
    else if (event.type === 'text-end') this.#stop = this.#stopOf(event)
    else if (event.type === 'raw' && event.wire === wire)
      this.#details = { ...this.#details, ...detailsOf(event.value) }
    return this.#blocks.on(event)
  }

  #stopOf({ finishReason, rawFinishReason: raw, stopString }: Extract<StreamEvent, { type: 'text-end' }>): Stop {
    if (raw !== undefined && ownReasons.has(raw)) return { stop_reason: raw, stop_sequence: stopString ?? null }
    if (stopString !== undefined) return { stop_reason: 'stop_sequence', stop_sequence: stopString }
    const reason = this.#refused && finishReason === 'stop' ? 'refusal' : stopReasons[finishReason]
    return { stop_reason: reason, stop_sequence: null }
  }

  #message(content: readonly Block[]) {
    return { id: this.#id, type: 'message', role: 'assistant', model: this.#model, content }
  }

  end(): string {
    return eventOf({ type: 'message_stop' })
  }

  fail(error: InferloomError): string {
    return errorEvent(error)
  }

  whole(events: readonly StreamEvent[]): string {
    const content = wholeBlocks(events.flatMap((event) => this.#observe(event)))
    return JSON.stringify({
      ...this.#message(content),
      ...this.#stop,
      ...this.#details,
      usage: usageBody(this.#usage),
    })
  }
}

function eventOf(event: Block & { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function detailsOf(value: unknown): Block {
  if (!isRecord(value) || value['type'] !== 'message_delta') return {}
  return isRecord(value['delta']) ? value['delta'] : {}
}
