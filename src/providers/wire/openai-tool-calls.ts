import { randomUUID } from 'node:crypto'
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import { countOf, recordOf, textOf } from './fields.ts'

interface Call {
  readonly toolIndex: number
  id: string | undefined
  name: string | undefined
  /** Arguments that came before the name did. */
  held: string
  started: boolean
  ended: boolean
}

/** Calls of one choice that are kept apart; a model that asks for more is broken. */
const mostCalls = 1024

/**
 * The tool calls of one choice, from pieces in whatever form: by index; whole in one piece; without an index (Mistral,
 * Ollama); each with index 0 and an id of its own (Gemini's OpenAI endpoint); with the name in a later piece.
 */
export class ToolCallPieces {
  readonly #choiceIndex: number
  readonly #calls: Call[] = []
  /** By the provider's own index. */
  readonly #byIndex = new Map<number, Call>()

  constructor(choiceIndex: number) {
    this.#choiceIndex = choiceIndex
  }

  get some(): boolean {
    return this.#calls.length > 0
  }

  add(piece: Readonly<Record<string, unknown>>, events: StreamEvent[]): void {
    const { name: givenName, arguments: given } = recordOf(piece['function'])
    const id = textOf(piece['id'])
    const name = textOf(givenName)
    const call = this.#callOf(countOf(piece['index']), id, name)
    call.id ??= id
    call.name ??= name
    const delta = typeof given === 'object' && given !== null ? JSON.stringify(given) : (textOf(given) ?? '')
    if (call.started) this.#delta(call, delta, events)
    else {
      call.held += delta
      if (call.name !== undefined) this.#start(call, call.name, events)
    }
  }

  /** Ends what is still open. */
  end(events: StreamEvent[]): void {
    for (const call of this.#calls) {
      if (!call.started)
        throw new InferloomError('provider_invalid_reply', 'The answer has a tool call without a name.')
      this.#end(call, events)
    }
  }

  #callOf(index: number | undefined, id: string | undefined, name: string | undefined): Call {
    const known = index === undefined ? this.#withoutIndex(id, name) : this.#byIndex.get(index)
    // Another id under the same index, together with a name, is another call.
    const another = known?.id !== undefined && id !== undefined && id !== known.id && name !== undefined
    if (known && !another) return known
    if (this.#calls.length >= mostCalls)
      throw new InferloomError('provider_invalid_reply', `The answer has more than ${mostCalls} tool calls.`)
    const toolIndex = this.#calls.length
    const call: Call = { toolIndex, id, name: undefined, held: '', started: false, ended: false }
    this.#calls.push(call)
    if (index !== undefined) this.#byIndex.set(index, call)
    return call
  }

  #withoutIndex(id: string | undefined, name: string | undefined): Call | undefined {
    if (id !== undefined) return this.#calls.find((call) => call.id === id)
    return name === undefined ? this.#calls.at(-1) : undefined
  }

  #start(call: Call, toolName: string, events: StreamEvent[]): void {
    const { toolIndex } = call
    // Models write one call after the other, so that a new one ends those before it.
    for (const before of this.#calls.slice(0, toolIndex)) if (before.started) this.#end(before, events)
    call.started = true
    const id = (call.id ??= `call_${randomUUID().replaceAll('-', '')}`)
    events.push({ type: 'tool-input-start', choiceIndex: this.#choiceIndex, toolIndex, id, toolName })
    this.#delta(call, call.held, events)
    call.held = ''
  }

  #delta({ toolIndex }: Call, delta: string, events: StreamEvent[]): void {
    if (delta !== '') events.push({ type: 'tool-input-delta', choiceIndex: this.#choiceIndex, toolIndex, delta })
  }

  #end(call: Call, events: StreamEvent[]): void {
    if (call.ended) return
    call.ended = true
    events.push({ type: 'tool-input-end', choiceIndex: this.#choiceIndex, toolIndex: call.toolIndex })
  }
}
