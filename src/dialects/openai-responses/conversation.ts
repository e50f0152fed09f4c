import { InferloomError } from '../../canonical/errors.ts'
import type { CacheMark, Message, Part, ReasoningBlock, Sealed, ToolCall } from '../../canonical/request.ts'
import type { InputItem, InputPart } from './items.ts'
import { flatName, type QualifiedName } from './namespaces.ts'
import { unpackThoughts } from './sealed-thoughts.ts'
import { customInput } from './tools.ts'

/**
 * Makes messages of items. What an assistant thought, said and called in one turn are items here and one message there.
 * `paramOf` names the item at an index as the client would.
 */
export function conversationOf(items: readonly InputItem[], paramOf: (index: number) => string): Message[] {
  const messages: Message[] = []
  const calls = new Set<string>()
  let turn = new Turn()
  for (const [index, item] of items.entries()) {
    if (item.type === 'web_search_call') continue
    const speaks = item.type === 'message' && item.role === 'assistant'
    const calling = item.type === 'function_call' || item.type === 'custom_tool_call'
    const thinks = item.type === 'reasoning'
    if (turn.hasSpoken ? !calling : !(speaks || calling || thinks)) {
      messages.push(...turn.end())
      turn = new Turn()
    }
    if (thinks) turn.think(item, paramOf(index))
    else if (speaks) turn.say(textOf(item.content))
    else if (calling) {
      calls.add(item.call_id)
      turn.call(item)
    } else messages.push(otherMessage(item, calls, paramOf(index)))
  }
  return [...messages, ...turn.end()]
}

type Item<Type extends InputItem['type']> = Extract<InputItem, { type: Type }>

/** What one assistant message is made of. */
class Turn {
  #text = ''
  #spoke = false
  readonly #calls: ToolCall[] = []
  readonly #blocks: ReasoningBlock[] = []
  #callSignature: Sealed | undefined

  /** Whether its words are complete: after a call they may go on, because the results must follow the calls. */
  get hasSpoken(): boolean {
    return this.#spoke && this.#calls.length === 0
  }

  think({ id, summary, content, encrypted_content: encrypted }: Item<'reasoning'>, param: string): void {
    const sealed = encrypted === undefined ? {} : unpackThoughts(encrypted)
    if (!sealed) {
      const message = `${param}.encrypted_content is not what inferloom wrote. Remedy: send it back as it came, or leave it out.`
      throw new InferloomError('invalid_value', message, { param: `${param}.encrypted_content` })
    }
    const { call, text: signed, id: own = id, ...seals } = sealed
    if (call) this.#callSignature = call
    // The thoughts themselves where there are any; a summary of them otherwise.
    const text = signed ?? (content ?? summary).map((part) => part.text).join('\n\n')
    if (text === '' && !seals.signature && !seals.encrypted) return
    this.#blocks.push({ text, ...(own !== undefined && { id: own }), ...seals })
  }

  call(item: Item<'function_call' | 'custom_tool_call'>): void {
    const signature = this.#callSignature
    this.#callSignature = undefined
    const text = item.type === 'function_call' ? item.arguments : JSON.stringify({ [customInput]: item.input })
    this.#calls.push({
      id: item.call_id,
      name: flatName(nameOf(item)),
      arguments: text,
      ...(signature && { signature }),
    })
  }

  say(text: string): void {
    this.#text += this.#spoke ? `\n\n${text}` : text
    this.#spoke = true
  }

  /** The message; none where nothing was said, thought or called. */
  end(): Message[] {
    const blocks = this.#blocks
    if (!this.#spoke && this.#calls.length === 0 && blocks.length === 0) return []
    const reasoning = blocks.map((block) => block.text).filter(Boolean)
    return [
      {
        role: 'assistant',
        content: this.#text,
        ...(this.#calls.length > 0 && { toolCalls: this.#calls }),
        ...(reasoning.length > 0 && { reasoning: reasoning.join('\n\n') }),
        ...(blocks.some((block) => block.signature ?? block.encrypted) && { reasoningBlocks: blocks }),
      },
    ]
  }
}

function nameOf({ name, namespace }: Item<'function_call' | 'custom_tool_call'>): QualifiedName {
  return { name, ...(namespace !== undefined && { namespace }) }
}

type Other = Item<'message' | 'function_call_output' | 'custom_tool_call_output' | 'item_reference'>

function otherMessage(item: Other, calls: ReadonlySet<string>, param: string): Message {
  if (item.type === 'message') {
    // `developer` is OpenAI's newer name for the same thing.
    return { role: item.role === 'user' ? 'user' : 'system', content: contentOf(item.content) }
  }
  if (item.type === 'item_reference') {
    const message = `${param}.id = '${item.id.slice(0, 80)}' is no item that is kept here. Remedy: send the item itself.`
    throw new InferloomError('invalid_value', message, { param: `${param}.id` })
  }
  if (!calls.has(item.call_id)) {
    const message = `${param}.call_id = '${item.call_id.slice(0, 80)}' answers no call before it. Remedy: send the call too, or previous_response_id.`
    throw new InferloomError('invalid_value', message, { param: `${param}.call_id` })
  }
  return { role: 'tool', content: contentOf(item.output), toolCallId: item.call_id }
}

/** Of an assistant, who can only have written text. */
function textOf(content: Item<'message'>['content']): string {
  if (typeof content === 'string') return content
  return content.map((part) => ('text' in part ? part.text : 'refusal' in part ? part.refusal : '')).join('')
}

function contentOf(
  content: string | readonly (InputPart | { readonly type: 'refusal'; refusal: string })[],
): Message['content'] {
  if (typeof content === 'string') return content
  const parts = content.map(canonicalPart)
  const plain = parts.every((part) => part.type === 'text' && part.cache === undefined)
  return plain ? parts.map((part) => (part.type === 'text' ? part.text : '')).join('') : parts
}

function canonicalPart(part: InputPart | { readonly type: 'refusal'; refusal: string }): Part {
  switch (part.type) {
    case 'refusal':
      return { type: 'text', text: part.refusal }
    case 'output_text':
      return { type: 'text', text: part.text }
    case 'input_text':
      return { type: 'text', text: part.text, ...cacheOf(part) }
    case 'input_image': {
      const { image_url: url, detail } = part
      return { type: 'image', url, ...(detail !== undefined && { detail }), ...cacheOf(part) }
    }
    case 'input_file': {
      const { file_url: url, file_data: data = '', filename: name } = part
      return { type: 'file', url: url ?? fileUrl(data), ...(name !== undefined && { name }), ...cacheOf(part) }
    }
  }
}

/** OpenAI takes both a data URL and bare base64: https://developers.openai.com/api/docs/guides/file-inputs */
function fileUrl(data: string): string {
  return data.startsWith('data:') ? data : `data:application/pdf;base64,${data}`
}

function cacheOf({ prompt_cache_breakpoint: mark }: { prompt_cache_breakpoint?: unknown }): { cache?: CacheMark } {
  return mark === undefined ? {} : { cache: {} }
}
