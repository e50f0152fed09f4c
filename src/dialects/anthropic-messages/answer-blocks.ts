// https://platform.claude.com/docs/en/build-with-claude/streaming
import type { StreamEvent } from '../../canonical/events.ts'
import type { Sealed } from '../../canonical/request.ts'
import { isRecord } from '../parse-body.ts'
import { packSeals, wire } from './sealed-thinking.ts'

export type Block = Readonly<Record<string, unknown>>

/** What happens to the blocks of a message, in the words of the stream. */
export type BlockEvent =
  | { readonly type: 'content_block_start'; readonly index: number; readonly content_block: Block }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: Block }
  | { readonly type: 'content_block_stop'; readonly index: number }

type ReasoningEnd = Extract<StreamEvent, { type: 'reasoning-end' }>

/** Cuts an answer into Anthropic's blocks: one after another, by rising index. */
export class AnswerBlocks {
  #next = 0
  /** The one that text or thoughts go on in. */
  #open: { readonly kind: 'text' | 'thinking'; readonly index: number } | undefined
  /** Calls may come side by side: their blocks by the number of the call. */
  readonly #calls = new Map<number, number>()

  on(event: StreamEvent): readonly BlockEvent[] {
    switch (event.type) {
      case 'text-delta':
      case 'refusal-delta':
        return event.text === '' ? [] : this.#delta('text', { type: 'text_delta', text: event.text })
      case 'reasoning-delta':
        if (event.text === '') return []
        return this.#delta('thinking', { type: 'thinking_delta', thinking: event.text })
      case 'reasoning-end':
        return this.#endThoughts(event)
      case 'tool-input-start': {
        const sealed = event.signature ? this.#sealCall(event.signature) : this.#close()
        const index = this.#next++
        this.#calls.set(event.toolIndex, index)
        const block = { type: 'tool_use', id: event.id, name: event.toolName, input: {} }
        return [...sealed, { type: 'content_block_start', index, content_block: block }]
      }
      case 'tool-input-delta': {
        const index = this.#calls.get(event.toolIndex)
        if (index === undefined) return []
        return [{ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: event.delta } }]
      }
      case 'tool-input-end': {
        const index = this.#calls.get(event.toolIndex)
        this.#calls.delete(event.toolIndex)
        return index === undefined ? [] : [{ type: 'content_block_stop', index }]
      }
      case 'raw':
        return event.wire === wire && isRecord(event.value) ? this.#raw(event.value) : []
      case 'text-end':
        return this.#closeAll()
      case 'response-metadata':
      // Anthropic's citations hold more than an address; its own come as they were.
      case 'source':
      case 'finish':
        return []
    }
  }

  #delta(kind: 'text' | 'thinking', delta: Block): BlockEvent[] {
    if (this.#open?.kind === kind) return [{ type: 'content_block_delta', index: this.#open.index, delta }]
    return [...this.#start(kind), { type: 'content_block_delta', index: this.#next - 1, delta }]
  }

  #start(kind: 'text' | 'thinking', block: Block = emptyBlocks[kind]): BlockEvent[] {
    const closed = this.#close()
    const index = this.#next++
    this.#open = { kind, index }
    return [...closed, { type: 'content_block_start', index, content_block: block }]
  }

  #close(): BlockEvent[] {
    if (!this.#open) return []
    const { index } = this.#open
    this.#open = undefined
    return [{ type: 'content_block_stop', index }]
  }

  #closeAll(): BlockEvent[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    return [...this.#close(), ...calls.map((index) => ({ type: 'content_block_stop' as const, index }))]
  }

  #endThoughts({ id, signature, encrypted }: ReasoningEnd): BlockEvent[] {
    if (!signature && !encrypted) return this.#open?.kind === 'thinking' ? this.#close() : []
    if (encrypted?.wire === wire) {
      return [...this.#close(), ...this.#complete({ type: 'redacted_thinking', data: encrypted.value })]
    }
    if (signature?.wire === wire) return this.#sign(signature.value)
    return this.#sign(
      packSeals({ ...(id !== undefined && { id }), ...(signature && { signature }), ...(encrypted && { encrypted }) }),
    )
  }

  #sign(signature: string): BlockEvent[] {
    return [...this.#delta('thinking', { type: 'signature_delta', signature }), ...this.#close()]
  }

  /** A call has no place for a seal: thoughts without words before it have. */
  #sealCall(call: Sealed): BlockEvent[] {
    const closed = this.#close()
    return [...closed, ...this.#sign(packSeals({ call }))]
  }

  #complete(block: Block): BlockEvent[] {
    const index = this.#next++
    const { input } = block
    const stop: BlockEvent = { type: 'content_block_stop', index }
    // Whatever has an input is written as its JSON.
    if (!isRecord(input)) return [{ type: 'content_block_start', index, content_block: block }, stop]
    const delta = { type: 'input_json_delta', partial_json: JSON.stringify(input) }
    return [
      { type: 'content_block_start', index, content_block: { ...block, input: {} } },
      { type: 'content_block_delta', index, delta },
      stop,
    ]
  }

  /** What Anthropic wrote and nobody else has a word for: its own tools, citations, borders of texts. */
  #raw(value: Block): BlockEvent[] {
    const { type, delta, content_block: begun } = value
    if (type === 'message_delta' || typeof type !== 'string') return []
    if (type === 'content_block_start') return isRecord(begun) ? this.#start('text', begun) : []
    if (type === 'content_block_delta') return isRecord(delta) ? this.#delta(this.#open?.kind ?? 'text', delta) : []
    return [...this.#close(), ...this.#complete(value)]
  }
}

const emptyBlocks = {
  text: { type: 'text', text: '' },
  thinking: { type: 'thinking', thinking: '', signature: '' },
} as const
