// The items of an answer, each with the events that tell of it while it is written.
// https://developers.openai.com/api/reference/resources/responses/streaming-events
import type { TokenLogprobs } from '../../canonical/events.ts'
import { CustomInputReader } from './custom-input.ts'
import type { QualifiedName } from './namespaces.ts'
import { logprobBody } from './response-body.ts'
import { packThoughts, type SealedThoughts } from './sealed-thoughts.ts'

/** Writes one event. */
export type Emit = (type: string, fields: Readonly<Record<string, unknown>>) => string
export type ItemStatus = 'completed' | 'incomplete'

export interface OutputItem {
  /** What it is when it is complete; `end` makes it. */
  readonly item: object | undefined
  begin(emit: Emit): string
  end(emit: Emit, status: ItemStatus): string
}

interface Place {
  readonly id: string
  readonly output_index: number
}

/** Words of the assistant: a part of text or of refusal after another. */
export class MessageItem implements OutputItem {
  readonly #place: Place
  readonly #phase: object
  readonly #parts: object[] = []
  #part: { type: 'output_text' | 'refusal'; text: string; logprobs: object[]; annotations: object[] } | undefined
  item: object | undefined

  constructor(place: Place, phase: string | undefined) {
    this.#place = place
    this.#phase = phase === undefined ? {} : { phase }
  }

  #body(status: string) {
    return { id: this.#place.id, type: 'message', status, content: this.#parts, role: 'assistant', ...this.#phase }
  }

  #at() {
    const { id, output_index } = this.#place
    return { item_id: id, output_index, content_index: this.#parts.length }
  }

  begin(emit: Emit): string {
    return emit('response.output_item.added', {
      output_index: this.#place.output_index,
      item: this.#body('in_progress'),
    })
  }

  say(emit: Emit, text: string, logprobs: readonly TokenLogprobs[] = []): string {
    const began = this.#open(emit, 'output_text')
    const bodies = logprobs.map(logprobBody)
    this.#part?.logprobs.push(...bodies)
    if (this.#part) this.#part.text += text
    return began + emit('response.output_text.delta', { ...this.#at(), delta: text, logprobs: bodies })
  }

  refuse(emit: Emit, text: string): string {
    const began = this.#open(emit, 'refusal')
    if (this.#part) this.#part.text += text
    return began + emit('response.refusal.delta', { ...this.#at(), delta: text })
  }

  cite(emit: Emit, url: string, title = ''): string {
    const began = this.#open(emit, 'output_text')
    const part = this.#part
    if (!part) return began
    // Where it belongs in the text is not known: at the end of what is there.
    const at = part.text.length
    const annotation = { type: 'url_citation', start_index: at, end_index: at, url, title }
    const annotation_index = part.annotations.push(annotation) - 1
    return began + emit('response.output_text.annotation.added', { ...this.#at(), annotation_index, annotation })
  }

  #open(emit: Emit, type: 'output_text' | 'refusal'): string {
    if (this.#part?.type === type) return ''
    const ended = this.#close(emit)
    this.#part = { type, text: '', logprobs: [], annotations: [] }
    return ended + emit('response.content_part.added', { ...this.#at(), part: this.#partBody() })
  }

  #partBody(): object {
    const { type, text, logprobs, annotations } = this.#part ?? { type: 'output_text', text: '' }
    if (type === 'refusal') return { type, refusal: text }
    return { type, annotations: [...(annotations ?? [])], logprobs: [...(logprobs ?? [])], text }
  }

  #close(emit: Emit): string {
    const part = this.#part
    if (!part) return ''
    const body = this.#partBody()
    const done =
      part.type === 'refusal'
        ? emit('response.refusal.done', { ...this.#at(), refusal: part.text })
        : emit('response.output_text.done', { ...this.#at(), text: part.text, logprobs: part.logprobs })
    const ended = done + emit('response.content_part.done', { ...this.#at(), part: body })
    this.#parts.push(body)
    this.#part = undefined
    return ended
  }

  end(emit: Emit, status: ItemStatus): string {
    const closed = this.#close(emit)
    this.item = this.#body(status)
    return closed + emit('response.output_item.done', { output_index: this.#place.output_index, item: this.item })
  }
}

/** Thoughts: as a summary where one was asked for, else as the text that an open model thinks in. */
export class ReasoningItem implements OutputItem {
  readonly #place: Place
  readonly #summary: boolean
  #text = ''
  #shown = false
  #sealed: SealedThoughts = {}
  item: object | undefined

  constructor(place: Place, summary: boolean) {
    this.#place = place
    this.#summary = summary
  }

  #at() {
    const { id, output_index } = this.#place
    return { item_id: id, output_index, ...(this.#summary ? { summary_index: 0 } : { content_index: 0 }) }
  }

  begin(emit: Emit): string {
    const item = { id: this.#place.id, type: 'reasoning', summary: [] }
    return emit('response.output_item.added', { output_index: this.#place.output_index, item })
  }

  think(emit: Emit, delta: string): string {
    const began = this.#shown ? '' : this.#open(emit)
    this.#text += delta
    const type = this.#summary ? 'response.reasoning_summary_text.delta' : 'response.reasoning_text.delta'
    return began + emit(type, { ...this.#at(), delta })
  }

  #open(emit: Emit): string {
    this.#shown = true
    const type = this.#summary ? 'response.reasoning_summary_part.added' : 'response.content_part.added'
    return emit(type, { ...this.#at(), part: this.#part() })
  }

  #part() {
    return { type: this.#summary ? 'summary_text' : 'reasoning_text', text: this.#text }
  }

  seal(sealed: SealedThoughts): void {
    this.#sealed = sealed
  }

  end(emit: Emit): string {
    const text = this.#text
    const done = this.#shown
      ? this.#summary
        ? emit('response.reasoning_summary_text.done', { ...this.#at(), text }) +
          emit('response.reasoning_summary_part.done', { ...this.#at(), part: this.#part() })
        : emit('response.reasoning_text.done', { ...this.#at(), text }) +
          emit('response.content_part.done', { ...this.#at(), part: this.#part() })
      : ''
    const parts = this.#shown ? [this.#part()] : []
    const encrypted = packThoughts({ ...this.#sealed, text })
    this.item = {
      id: this.#place.id,
      type: 'reasoning',
      summary: this.#summary ? parts : [],
      ...(!this.#summary && parts.length > 0 && { content: parts }),
      ...(encrypted !== undefined && { encrypted_content: encrypted }),
    }
    return done + emit('response.output_item.done', { output_index: this.#place.output_index, item: this.item })
  }
}

interface Called extends QualifiedName {
  readonly callId: string
}

/** A call of a function. */
export class FunctionCallItem implements OutputItem {
  readonly #place: Place
  readonly #called: Called
  #arguments = ''
  item: object | undefined

  constructor(place: Place, called: Called) {
    this.#place = place
    this.#called = called
  }

  #body(status: string) {
    const { callId: call_id, ...named } = this.#called
    return { id: this.#place.id, type: 'function_call', status, arguments: this.#arguments, call_id, ...named }
  }

  begin(emit: Emit): string {
    return emit('response.output_item.added', {
      output_index: this.#place.output_index,
      item: this.#body('in_progress'),
    })
  }

  pass(emit: Emit, delta: string): string {
    this.#arguments += delta
    const { id, output_index } = this.#place
    return emit('response.function_call_arguments.delta', { item_id: id, output_index, delta })
  }

  end(emit: Emit, status: ItemStatus): string {
    const { id, output_index } = this.#place
    this.item = this.#body(status)
    return (
      emit('response.function_call_arguments.done', {
        item_id: id,
        output_index,
        name: this.#called.name,
        arguments: this.#arguments,
      }) + emit('response.output_item.done', { output_index, item: this.item })
    )
  }
}

/** A call of a custom tool: the model called the function that stands for it. */
export class CustomCallItem implements OutputItem {
  readonly #place: Place
  readonly #called: Called
  readonly #reader = new CustomInputReader()
  #input = ''
  item: object | undefined

  constructor(place: Place, called: Called) {
    this.#place = place
    this.#called = called
  }

  #body(status: string) {
    const { callId: call_id, ...named } = this.#called
    return { id: this.#place.id, type: 'custom_tool_call', status, call_id, input: this.#input, ...named }
  }

  begin(emit: Emit): string {
    return emit('response.output_item.added', {
      output_index: this.#place.output_index,
      item: this.#body('in_progress'),
    })
  }

  pass(emit: Emit, delta: string): string {
    return this.#told(emit, this.#reader.read(delta))
  }

  #told(emit: Emit, delta: string): string {
    if (delta === '') return ''
    this.#input += delta
    const { id, output_index } = this.#place
    return emit('response.custom_tool_call_input.delta', { item_id: id, output_index, delta })
  }

  end(emit: Emit, status: ItemStatus): string {
    const { id, output_index } = this.#place
    const rest = this.#told(emit, this.#reader.end())
    this.item = this.#body(status)
    return (
      rest +
      emit('response.custom_tool_call_input.done', { item_id: id, output_index, input: this.#input }) +
      emit('response.output_item.done', { output_index, item: this.item })
    )
  }
}
