// https://platform.openai.com/docs/api-reference/chat/object and …/chat-streaming
import type { InferloomError } from '../../canonical/errors.ts'
import type { ChoiceEvent, FinishReason, StreamEvent, TokenLogprobs } from '../../canonical/events.ts'
import type { ReasoningBlock, Sealed, ServiceTier } from '../../canonical/request.ts'
import type { AnswerWriter } from '../dialect.ts'
import { collect, type CollectedChoice } from '../collect.ts'
import { errorEvent } from '../openai/error-body.ts'
import { usageBody } from '../openai/usage.ts'
import { detailOf, extraContentOf } from './sealed-thoughts.ts'

interface ChatWriterOptions {
  readonly id: string
  readonly model: string
  readonly logprobs: boolean
  readonly includeUsage: boolean
  /** Told back where it was asked for. */
  readonly serviceTier?: ServiceTier
}

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
}

export class ChatWriter implements AnswerWriter {
  readonly #options: ChatWriterOptions
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #begun = new Set<number>()
  readonly #thoughts = new Map<number, Thoughts>()
  // What is the same in every chunk is written once; only the delta is made for each token.
  readonly #head: string
  readonly #tail: string

  constructor(options: ChatWriterOptions) {
    this.#options = options
    const head = JSON.stringify({ ...this.#identity('chat.completion.chunk'), choices: [] })
    this.#head = `data: ${head.slice(0, -']}'.length)}`
    this.#tail = options.includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  }

  #identity(object: string) {
    const { id, model, serviceTier } = this.#options
    const tier = serviceTier === undefined ? {} : { service_tier: serviceTier }
    return { id: `chatcmpl-${id}`, object, created: this.#created, model, ...tier }
  }

  chunk(events: readonly StreamEvent[]): string {
    return events.map((event) => this.#event(event)).join('')
  }

  #event(event: StreamEvent): string {
    switch (event.type) {
      case 'text-delta':
        return this.#delta(event, `{"content":${JSON.stringify(event.text)}}`, logprobsOf(event.logprobs))
      case 'reasoning-delta':
        // DeepSeek's name, which vLLM and llama.cpp took over: https://api-docs.deepseek.com/guides/reasoning_model
        this.#thoughtsOf(event).text += event.text
        return this.#delta(event, `{"reasoning_content":${JSON.stringify(event.text)}}`)
      case 'refusal-delta':
        return this.#delta(event, `{"refusal":${JSON.stringify(event.text)}}`)
      case 'tool-input-start':
        return this.#delta(event, toolDelta(event.toolIndex, toolCallBody({ ...event, name: event.toolName })))
      case 'tool-input-delta':
        return this.#delta(event, toolDelta(event.toolIndex, { function: { arguments: event.delta } }))
      case 'tool-input-end':
      case 'response-metadata':
      case 'source':
      case 'raw':
        return ''
      case 'reasoning-end': {
        const thoughts = this.#thoughtsOf(event)
        const { type: _, choiceIndex: __, ...seals } = event
        thoughts.blocks.push({ text: thoughts.text, ...seals })
        thoughts.text = ''
        return ''
      }
      case 'text-end': {
        // All at once: clients put lists of pieces together in several ways, of which this is right in each.
        const details = detailsOf(this.#thoughts.get(event.choiceIndex)?.blocks ?? [])
        const sealed = details.length === 0 ? '' : this.#delta(event, JSON.stringify({ reasoning_details: details }))
        return sealed + this.#end(event)
      }
      case 'finish':
        if (!this.#options.includeUsage) return ''
        return `${this.#head}],"usage":${JSON.stringify(usageBody(event.usage))}}\n\n`
    }
  }

  #end(event: Extract<StreamEvent, { type: 'text-end' }>): string {
    return this.#delta(event, '{}', 'null', `"${finishReasons[event.finishReason]}"`)
  }

  #thoughtsOf({ choiceIndex }: ChoiceEvent): Thoughts {
    const known = this.#thoughts.get(choiceIndex)
    if (known) return known
    const thoughts = { text: '', blocks: [] }
    this.#thoughts.set(choiceIndex, thoughts)
    return thoughts
  }

  #delta(event: ChoiceEvent, delta: string, logprobs = 'null', finish = 'null'): string {
    const { choiceIndex } = event
    return this.#begin(event) + this.#choice(choiceIndex, delta, logprobs, finish)
  }

  /** The first chunk of a choice names the role; an answer that begins with a tool call has no text, as at OpenAI. */
  #begin({ type, choiceIndex }: ChoiceEvent): string {
    if (this.#begun.has(choiceIndex)) return ''
    this.#begun.add(choiceIndex)
    const content = type === 'tool-input-start' ? 'null' : '""'
    return this.#choice(choiceIndex, `{"role":"assistant","content":${content},"refusal":null}`, 'null', 'null')
  }

  #choice(index: number, delta: string, logprobs: string, finishReason: string): string {
    return `${this.#head}{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finishReason}}${this.#tail}`
  }

  end(): string {
    return 'data: [DONE]\n\n'
  }

  fail(error: InferloomError): string {
    return errorEvent(error)
  }

  whole(events: readonly StreamEvent[]): string {
    const { choices, usage } = collect(events)
    return JSON.stringify({
      ...this.#identity('chat.completion'),
      choices: choices.map((choice, index) => ({
        index,
        message: messageBody(choice),
        logprobs: this.#options.logprobs ? { content: choice.logprobs.map(tokenBody), refusal: null } : null,
        finish_reason: finishReasons[choice.finishReason],
      })),
      usage: usageBody(usage),
    })
  }
}

/** Of one choice: the block that is being written, and those that are complete. */
interface Thoughts {
  text: string
  readonly blocks: ReasoningBlock[]
}

function detailsOf(blocks: readonly ReasoningBlock[]): readonly object[] {
  return blocks.flatMap((block, index) => detailOf(block, index) ?? [])
}

function messageBody({ text, refusal, reasoning, reasoningBlocks, toolCalls }: CollectedChoice) {
  const details = detailsOf(reasoningBlocks)
  return {
    role: 'assistant',
    content: text === '' && (toolCalls.length > 0 || refusal !== '') ? null : text,
    refusal: refusal === '' ? null : refusal,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(toolCallBody) }),
  }
}

interface WrittenCall {
  readonly id: string
  readonly name: string
  readonly arguments?: string
  readonly signature?: Sealed
}

function toolCallBody({ id, name, arguments: text = '', signature }: WrittenCall) {
  return { id, type: 'function', function: { name, arguments: text }, ...extraContentOf(signature) }
}

function toolDelta(index: number, call: object): string {
  return JSON.stringify({ tool_calls: [{ index, ...call }] })
}

function logprobsOf(logprobs: readonly TokenLogprobs[] | undefined): string {
  return logprobs ? JSON.stringify({ content: logprobs.map(tokenBody), refusal: null }) : 'null'
}

function tokenBody({ top, ...token }: TokenLogprobs) {
  return { ...token, top_logprobs: top }
}
