// https://developers.openai.com/api/reference/resources/responses/streaming-events
import type { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { AnswerWriter } from '../dialect.ts'
import { errorBody } from '../openai/error-body.ts'
import { itemId } from './archive.ts'
import type { QualifiedName } from './namespaces.ts'
import {
  CustomCallItem,
  FunctionCallItem,
  MessageItem,
  ReasoningItem,
  type Emit,
  type ItemStatus,
  type OutputItem,
} from './output-items.ts'
import { incompleteReason, usageBody, type Echo } from './response-body.ts'

interface ResponseWriterOptions {
  readonly id: string
  readonly echo: Echo
  /** Names of the tools that take text in no form. */
  readonly custom: ReadonlySet<string>
  /** What the client calls tools that stand in a namespace, by their names without one. */
  readonly qualified: ReadonlyMap<string, QualifiedName>
  /** Whether a summary of the thoughts was asked for. */
  readonly summary: boolean
  /** Is given the complete answer, before the client is. */
  readonly keep: (response: string, createdAt: number) => void
}

/** Writes an answer as a stream of items, each of which is begun, filled and completed. */
export class ResponseWriter implements AnswerWriter {
  readonly #options: ResponseWriterOptions
  readonly #createdAt = Date.now()
  readonly #items: OutputItem[] = []
  /** What the model is writing: words or thoughts. */
  #open: MessageItem | ReasoningItem | undefined
  readonly #calls = new Map<number, FunctionCallItem | CustomCallItem>()
  #finishReason: FinishReason = 'stop'
  #sequence = 0
  #begun = false
  /** A whole answer is the end of a stream that nobody is told. */
  #silent = false
  #final = ''

  constructor(options: ResponseWriterOptions) {
    this.#options = options
  }

  readonly #emit: Emit = (type, fields) => {
    const sequence_number = this.#sequence++
    if (this.#silent) return ''
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...fields })}\n\n`
  }

  #response(status: string, change: object = {}) {
    return {
      id: `resp_${this.#options.id}`,
      object: 'response',
      created_at: Math.floor(this.#createdAt / 1000),
      status,
      background: false,
      completed_at: null,
      error: null,
      incomplete_details: null,
      output: this.#items.flatMap(({ item }) => item ?? []),
      usage: null,
      ...this.#options.echo,
      ...change,
    }
  }

  #begin(): string {
    if (this.#begun) return ''
    this.#begun = true
    const response = { ...this.#response('in_progress'), output: [] }
    return this.#emit('response.created', { response }) + this.#emit('response.in_progress', { response })
  }

  chunk(events: readonly StreamEvent[]): string {
    let out = this.#begin()
    for (const event of events) out += this.#event(event)
    return out
  }

  #event(event: StreamEvent): string {
    const emit = this.#emit
    switch (event.type) {
      case 'text-delta': {
        const [began, message] = this.#message()
        return began + message.say(emit, event.text, event.logprobs)
      }
      case 'refusal-delta': {
        const [began, message] = this.#message()
        return began + message.refuse(emit, event.text)
      }
      case 'source': {
        const [began, message] = this.#message()
        return began + message.cite(emit, event.url, event.title)
      }
      case 'reasoning-delta': {
        const [began, thoughts] = this.#thoughts()
        return began + thoughts.think(emit, event.text)
      }
      case 'reasoning-end': {
        const [began, thoughts] = this.#thoughts()
        const { signature, encrypted, id } = event
        const sealed = { ...(signature && { signature }), ...(encrypted && { encrypted }) }
        thoughts.seal({ ...sealed, ...(id !== undefined && { id }) })
        return began + this.#close()
      }
      case 'tool-input-start':
        return this.#call(event)
      case 'tool-input-delta':
        return this.#calls.get(event.toolIndex)?.pass(emit, event.delta) ?? ''
      case 'tool-input-end': {
        const call = this.#calls.get(event.toolIndex)
        this.#calls.delete(event.toolIndex)
        return call?.end(emit, 'completed') ?? ''
      }
      case 'raw':
        return event.wire === 'openai-responses' ? this.#raw(event.value) : ''
      case 'response-metadata':
        return ''
      case 'text-end':
        this.#finishReason = event.finishReason
        return ''
      case 'finish':
        return this.#finish(event.usage)
    }
  }

  #add<Item extends OutputItem>(prefix: string, make: (place: { id: string; output_index: number }) => Item): Item {
    const output_index = this.#items.length
    const item = make({ id: itemId(prefix, this.#options.id, 'output', output_index), output_index })
    this.#items.push(item)
    return item
  }

  #message(): [began: string, MessageItem] {
    if (this.#open instanceof MessageItem) return ['', this.#open]
    return this.#newMessage()
  }

  #newMessage(phase?: string): [began: string, MessageItem] {
    const closed = this.#close()
    const message = this.#add('msg', (place) => new MessageItem(place, phase))
    this.#open = message
    return [closed + message.begin(this.#emit), message]
  }

  #thoughts(): [began: string, ReasoningItem] {
    if (this.#open instanceof ReasoningItem) return ['', this.#open]
    const closed = this.#close()
    const thoughts = this.#add('rs', (place) => new ReasoningItem(place, this.#options.summary))
    this.#open = thoughts
    return [closed + thoughts.begin(this.#emit), thoughts]
  }

  #close(status: ItemStatus = 'completed'): string {
    const open = this.#open
    this.#open = undefined
    return open?.end(this.#emit, status) ?? ''
  }

  #call({ toolIndex, id, toolName, signature }: Extract<StreamEvent, { type: 'tool-input-start' }>): string {
    let out = this.#close()
    if (signature) {
      // An item before the call carries it: clients send thoughts back unread, and nothing else.
      const [began, thoughts] = this.#thoughts()
      thoughts.seal({ call: signature })
      out += began + this.#close()
    }
    const called = { callId: id, ...(this.#options.qualified.get(toolName) ?? { name: toolName }) }
    const call = this.#options.custom.has(toolName)
      ? this.#add('ctc', (place) => new CustomCallItem(place, called))
      : this.#add('fc', (place) => new FunctionCallItem(place, called))
    this.#calls.set(toolIndex, call)
    return out + call.begin(this.#emit)
  }

  /** What another service wrote on this wire and has no word in the canonical events. */
  #raw(value: unknown): string {
    if (typeof value !== 'object' || value === null) return ''
    if ('phase' in value) return this.#newMessage(typeof value.phase === 'string' ? value.phase : undefined)[0]
    if (!('item' in value) || typeof value.item !== 'object' || value.item === null) return ''
    const { item } = value
    const closed = this.#close()
    const raw = this.#add('item', ({ output_index }) => ({
      item,
      begin: (emit: Emit) => emit('response.output_item.added', { output_index, item }),
      end: (emit: Emit) => emit('response.output_item.done', { output_index, item }),
    }))
    return closed + raw.begin(this.#emit) + raw.end(this.#emit)
  }

  #finish(usage: Usage): string {
    const reason = incompleteReason(this.#finishReason)
    const status = reason === undefined ? 'completed' : 'incomplete'
    let out = this.#close(status)
    for (const call of this.#calls.values()) out += call.end(this.#emit, status)
    this.#calls.clear()
    const response = this.#response(status, {
      usage: usageBody(usage),
      ...(reason === undefined ? { completed_at: Math.floor(Date.now() / 1000) } : { incomplete_details: { reason } }),
      ...(usage.serviceTier !== undefined && { service_tier: usage.serviceTier }),
    })
    this.#final = JSON.stringify(response)
    this.#options.keep(this.#final, this.#createdAt)
    return out + this.#emit(`response.${status}`, { response })
  }

  end(): string {
    return ''
  }

  /** An `error` first, which the `openai` clients throw, then the answer as it failed, which others wait for. */
  fail(error: InferloomError): string {
    const failed = this.#response('failed', { error: { code: failureCode(error), message: error.message } })
    return this.#begin() + this.#emit('error', errorBody(error)) + this.#emit('response.failed', { response: failed })
  }

  whole(events: readonly StreamEvent[]): string {
    this.#silent = true
    this.chunk(events)
    return this.#final
  }
}

/** Ends a stream that another service wrote, whose count of events is not known here. */
export function failEvent(error: InferloomError): string {
  const event = { type: 'error', sequence_number: 0, ...errorBody(error) }
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`
}

/** OpenAI's names where it has them: https://developers.openai.com/api/reference/resources/responses (error.code) */
function failureCode({ code, kind }: InferloomError): string {
  if (code === 'rate_limited') return 'rate_limit_exceeded'
  if (code === 'quota_exceeded') return 'insufficient_quota'
  return kind.type === 'server_error' ? 'server_error' : code
}
