// https://platform.claude.com/docs/en/build-with-claude/streaming#content-block-delta-types
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import { wire, type Block } from './anthropic-messages-content.ts'
import { isRecord, listOf, textOf } from './fields.ts'

const choiceIndex = 0

/** A block of which the end has not come. */
type Open =
  | { readonly kind: 'text' }
  | { readonly kind: 'thinking'; signature: string | undefined }
  | { readonly kind: 'redacted'; readonly data: string }
  | { readonly kind: 'call'; readonly toolIndex: number; readonly input: Block; written: boolean }
  /** Of the provider's own tools, and whatever else comes later: passed on as it is, with what came of its input. */
  | { readonly kind: 'other'; readonly block: Block; input: string }

/** Blocks come one after another; more than so many at once are no answer. */
const mostOpen = 256
/** Of the input of a tool that the provider runs, which is held back until it is complete. */
const longestInput = 16 * 1024 * 1024

/** What the blocks of an answer mean, whether they come in pieces or whole. */
export class BlockReader {
  readonly #open = new Map<number, Open>()
  #calls = 0
  /** Two texts side by side are one to other wires, and two to this one. */
  #afterText = false

  start(index: number, block: Block): readonly StreamEvent[] {
    if (this.#open.size >= mostOpen) throw broken(`has more than ${mostOpen} blocks open at once`)
    const afterText = this.#afterText
    this.#afterText = false
    switch (block['type']) {
      case 'text':
        this.#open.set(index, { kind: 'text' })
        return [
          ...(afterText ? [raw({ type: 'content_block_start', content_block: bare(block) })] : []),
          ...textIn(block),
        ]
      case 'thinking':
        this.#open.set(index, { kind: 'thinking', signature: textOf(block['signature']) })
        return thoughts(textOf(block['thinking']))
      case 'redacted_thinking':
        this.#open.set(index, { kind: 'redacted', data: textOf(block['data']) ?? '' })
        return []
      case 'tool_use': {
        const [id, toolName] = [textOf(block['id']), textOf(block['name'])]
        if (id === undefined || toolName === undefined) throw broken('calls a tool without an id or a name')
        const toolIndex = this.#calls++
        const input = isRecord(block['input']) ? block['input'] : {}
        this.#open.set(index, { kind: 'call', toolIndex, input, written: false })
        return [{ type: 'tool-input-start', choiceIndex, toolIndex, id, toolName }]
      }
      default:
        this.#open.set(index, { kind: 'other', block, input: '' })
        return []
    }
  }

  delta(index: number, delta: Block): readonly StreamEvent[] {
    const open = this.#open.get(index)
    if (!open) throw broken('goes on with a block that it never began')
    switch (delta['type']) {
      case 'text_delta': {
        const text = textOf(delta['text'])
        return text === undefined ? [] : [{ type: 'text-delta', choiceIndex, text }]
      }
      case 'thinking_delta':
        return thoughts(textOf(delta['thinking']))
      case 'signature_delta':
        if (open.kind === 'thinking') open.signature = textOf(delta['signature'])
        return []
      case 'input_json_delta':
        return inputDelta(open, textOf(delta['partial_json']) ?? '')
      case 'citations_delta':
        return citation(delta['citation'])
      default:
        // Kinds of pieces that come later must not end the stream; within a block that is held back they cannot be told.
        return open.kind === 'text' ? [raw({ type: 'content_block_delta', delta })] : []
    }
  }

  stop(index: number): readonly StreamEvent[] {
    const open = this.#open.get(index)
    this.#open.delete(index)
    switch (open?.kind) {
      case 'text':
        this.#afterText = true
        return []
      case 'thinking': {
        const { signature: value } = open
        return value === undefined ? [] : [{ type: 'reasoning-end', choiceIndex, signature: { wire, value } }]
      }
      case 'redacted':
        return [{ type: 'reasoning-end', choiceIndex, encrypted: { wire, value: open.data } }]
      case 'call': {
        const { toolIndex, input, written } = open
        const end: StreamEvent = { type: 'tool-input-end', choiceIndex, toolIndex }
        // A call without arguments streams none, and others send them all at the start.
        const delta = JSON.stringify(input)
        return written ? [end] : [{ type: 'tool-input-delta', choiceIndex, toolIndex, delta }, end]
      }
      case 'other':
        return [raw(withInput(open.block, open.input))]
      case undefined:
        return []
    }
  }
}

function textIn(block: Block): StreamEvent[] {
  const text = textOf(block['text'])
  return [
    ...(text === undefined ? [] : [{ type: 'text-delta' as const, choiceIndex, text }]),
    ...listOf(block['citations']).flatMap(citation),
  ]
}

/** What a text block says beside its text. */
function bare(block: Block): Block {
  const { citations: _, ...rest } = block
  return { ...rest, text: '' }
}

function thoughts(text: string | undefined): StreamEvent[] {
  return text === undefined ? [] : [{ type: 'reasoning-delta', choiceIndex, text }]
}

function inputDelta(open: Open, json: string): StreamEvent[] {
  if (json === '') return []
  if (open.kind === 'call') {
    open.written = true
    return [{ type: 'tool-input-delta', choiceIndex, toolIndex: open.toolIndex, delta: json }]
  }
  if (open.kind !== 'other') return []
  open.input += json
  if (open.input.length > longestInput) throw broken('holds an input larger than 16 MB')
  return []
}

/** Of a page that has an address it is a source to other wires as well. */
function citation(cited: unknown): StreamEvent[] {
  if (!isRecord(cited)) return []
  const [url, title] = [textOf(cited['url']), textOf(cited['title'])]
  const piece = raw({ type: 'content_block_delta', delta: { type: 'citations_delta', citation: cited } })
  if (url === undefined) return [piece]
  return [piece, { type: 'source', choiceIndex, url, ...(title !== undefined && { title }) }]
}

function withInput(block: Block, json: string): Block {
  if (json === '') return block
  try {
    return { ...block, input: JSON.parse(json) as unknown }
  } catch {
    throw broken('holds an input that is not JSON')
  }
}

export function raw(value: Block): StreamEvent {
  return { type: 'raw', choiceIndex, wire, value }
}

export function broken(how: string): InferloomError {
  return new InferloomError('provider_invalid_reply', `The provider's answer ${how}.`)
}
