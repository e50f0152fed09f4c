import { randomBytes } from 'node:crypto'
import type { FinishReason, StreamEvent, TokenLogprobs } from '../canonical/events.ts'
import type { JsonSchema } from '../canonical/request.ts'
import type { AnswerPart } from './tools/answer-part.ts'
import { AnswerReader, type Reading } from './tools/answer-reader.ts'
import { readReasoning } from './tools/formats.ts'
import type { ReasoningTags, ToolFormat } from './tools/tool-format.ts'

export interface AnswerShape {
  /** Absent when the answer has no calls and no channels to look for. */
  readonly format?: ToolFormat
  readonly tools: ReadonlySet<string>
  /** The parameters of tools, for formats whose calls cannot be read without. */
  readonly schemas?: ReadonlyMap<string, JsonSchema | undefined>
  readonly reasoning?: ReasoningTags
  readonly reasoningBegun: boolean
  /** Whether more than the first call is told. */
  readonly parallel: boolean
}

/** Turns what a model writes into text, reasoning and tool calls, as it comes. */
export class AnswerParser {
  /** Tokens that were reasoning, as far as the pieces they came in tell. */
  reasoningTokens = 0
  readonly #choiceIndex: number
  readonly #parallel: boolean
  readonly #reader = new AnswerReader()
  readonly #parser: Reading<void>
  #calls = 0
  #read = 0
  /** Log probabilities of pieces whose text has not been told yet. */
  #waiting: { start: number; end: number; logprobs: readonly TokenLogprobs[] }[] = []

  constructor(choiceIndex: number, shape: AnswerShape) {
    this.#choiceIndex = choiceIndex
    this.#parallel = shape.parallel
    this.#parser = readAnswer(this.#reader, shape)
  }

  push(piece: string, logprobs?: readonly TokenLogprobs[]): StreamEvent[] {
    const start = this.#read
    this.#read += piece.length
    if (logprobs) this.#waiting.push({ start, end: this.#read, logprobs })
    const parts = this.#reader.push(piece, this.#parser)
    const thought =
      parts.length > 0 ? parts.some(({ type }) => type === 'reasoning') : this.#reader.kind === 'reasoning'
    if (thought) this.reasoningTokens += logprobs?.length ?? 1
    return this.#eventsOf(parts)
  }

  end(finishReason: FinishReason): StreamEvent[] {
    const events = this.#eventsOf(this.#reader.end(this.#parser))
    const called = this.#calls > 0 && finishReason === 'stop'
    const choiceIndex = this.#choiceIndex
    const left = this.#reader.kind === 'text' ? this.#waiting.flatMap(({ logprobs }) => logprobs) : []
    if (left.length > 0) events.push({ type: 'text-delta', choiceIndex, text: '', logprobs: left })
    events.push({ type: 'text-end', choiceIndex, finishReason: called ? 'tool-calls' : finishReason })
    return events
  }

  #eventsOf(parts: readonly AnswerPart[]): StreamEvent[] {
    return parts.flatMap((part) => this.#eventOf(part) ?? [])
  }

  #eventOf(part: AnswerPart): StreamEvent | undefined {
    const choiceIndex = this.#choiceIndex
    if (part.type === 'call-start') this.#calls++
    // All that follows the end of the only call is left out.
    if (!this.#parallel && (this.#calls > 1 || (this.#calls === 1 && !part.type.startsWith('call')))) return undefined
    const toolIndex = this.#calls - 1
    const logprobs = this.#logprobsOf(part)
    switch (part.type) {
      case 'text':
        return { type: 'text-delta', choiceIndex, text: part.text, ...(logprobs.length > 0 && { logprobs }) }
      case 'reasoning':
        return { type: 'reasoning-delta', choiceIndex, text: part.text }
      case 'call-start':
        return { type: 'tool-input-start', choiceIndex, toolIndex, id: newCallId(), toolName: part.name }
      case 'call-arguments':
        return { type: 'tool-input-delta', choiceIndex, toolIndex, delta: part.text }
      case 'call-end':
        return { type: 'tool-input-end', choiceIndex, toolIndex }
    }
  }

  /** Takes what belongs to a part: of its text it is told, of markup, reasoning and calls it is left out. */
  #logprobsOf(part: AnswerPart): TokenLogprobs[] {
    if (this.#waiting.length === 0) return []
    const from = part.type === 'text' ? part.end - part.text.length : part.end
    const own = this.#waiting.filter(({ start, end }) => start < part.end && (end > from || start === from))
    this.#waiting = this.#waiting.filter(({ start }) => start >= part.end)
    return part.type === 'text' ? own.flatMap(({ logprobs }) => [...logprobs]) : []
  }
}

function* readAnswer(reader: AnswerReader, shape: AnswerShape): Reading<void> {
  const { format, tools, schemas = new Map(), reasoning, reasoningBegun } = shape
  if (!format?.channels && reasoning) yield* readReasoning(reader, reasoning, reasoningBegun)
  if (format) yield* format.parse(reader, tools, schemas)
  else yield* reader.until([], (text) => reader.prose('text', text))
}

/** As long as OpenAI's own: `call_` and 24 characters. */
function newCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`
}
