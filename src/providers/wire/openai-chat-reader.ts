// https://platform.openai.com/docs/api-reference/chat-streaming/streaming
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import { countOf, isRecord, listOf, recordOf, textOf } from './fields.ts'
import { Thoughts } from './openai-chat-thoughts.ts'
import { openaiFinishReason } from './openai-finish-reason.ts'
import { chatLogprobs } from './openai-logprobs.ts'
import { throwReportedError } from './openai-stream-error.ts'
import { ToolCallPieces } from './openai-tool-calls.ts'
import { openaiUsage, unknownUsage } from './openai-usage.ts'
import type { StreamReader, WireEvent } from './wire.ts'

type Fields = Readonly<Record<string, unknown>>

interface Choice {
  readonly calls: ToolCallPieces
  readonly thoughts: Thoughts
  finished: boolean
}

/** Choices of one answer that are kept apart; no provider allows as many. */
const mostChoices = 1024

export class ChatReader implements StreamReader {
  readonly #choices = new Map<number, Choice>()
  #identified = false
  #sourced = false
  #done = false
  #serviceTier: string | undefined
  #usage: Usage | undefined

  read({ data }: WireEvent): readonly StreamEvent[] {
    if (data === '[DONE]') {
      this.#done = true
      return []
    }
    // Keep-alives of some proxies are events without anything in them.
    if (data.trim() === '') return []
    return this.body(JSON.parse(data))
  }

  /** What a chunk, or a whole answer, means: the two differ only in where a choice has its text. */
  body(body: unknown): StreamEvent[] {
    if (!isRecord(body)) throw new InferloomError('provider_invalid_reply', 'The provider sent no JSON object.')
    throwReportedError(body)
    const events: StreamEvent[] = []
    this.#identify(body, events)
    for (const [position, choice] of listOf(body['choices']).entries()) {
      if (isRecord(choice)) this.#choice(choice, position, events)
    }
    this.#sources(body, events)
    const usage = openaiUsage(body['usage'], this.#serviceTier)
    if (usage) this.#usage = usage
    return events
  }

  #identify(body: Fields, events: StreamEvent[]): void {
    this.#serviceTier = textOf(body['service_tier']) ?? this.#serviceTier
    const id = textOf(body['id'])
    // Azure's first chunk tells only of its filter and has neither id nor model:
    // https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming
    if (this.#identified || id === undefined) return
    this.#identified = true
    const model = textOf(body['model'])
    const systemFingerprint = textOf(body['system_fingerprint'])
    events.push({
      type: 'response-metadata',
      id,
      ...(model !== undefined && { model }),
      ...(systemFingerprint !== undefined && { systemFingerprint }),
    })
  }

  #choice(choice: Fields, position: number, events: StreamEvent[]): void {
    const choiceIndex = countOf(choice['index']) ?? position
    if (!Number.isInteger(choiceIndex) || choiceIndex >= mostChoices)
      throw new InferloomError('provider_invalid_reply', `The answer has a choice with index ${choiceIndex}.`)
    const state = this.#choiceOf(choiceIndex)
    const delta = recordOf(choice['delta'] ?? choice['message'])
    const logprobs = chatLogprobs(choice['logprobs'])
    state.thoughts.add(delta, events)
    const text = contentEvents(delta['content'], choiceIndex, events)
    const calls = listOf(delta['tool_calls'])
    if (text !== '' || calls.length > 0) state.thoughts.end(events)
    if (text !== '' || logprobs?.length)
      events.push({ type: 'text-delta', choiceIndex, text, ...(logprobs && { logprobs }) })
    const refusal = textOf(delta['refusal'])
    if (refusal !== undefined) events.push({ type: 'refusal-delta', choiceIndex, text: refusal })
    for (const piece of calls) if (isRecord(piece)) state.calls.add(piece, events)
    citations(delta, choiceIndex, events)
    // https://platform.moonshot.ai/docs/api/chat: usage comes within the choice that ends.
    const usage = openaiUsage(choice['usage'], this.#serviceTier)
    if (usage) this.#usage = usage
    const reason = textOf(choice['finish_reason'])
    if (reason !== undefined && !state.finished) finish(state, choiceIndex, reason, choice['stop_reason'], events)
  }

  #choiceOf(choiceIndex: number): Choice {
    const known = this.#choices.get(choiceIndex)
    if (known) return known
    const choice = { calls: new ToolCallPieces(choiceIndex), thoughts: new Thoughts(choiceIndex), finished: false }
    this.#choices.set(choiceIndex, choice)
    return choice
  }

  /** Perplexity's: https://docs.perplexity.ai/api-reference/chat-completions-post */
  #sources(body: Fields, events: StreamEvent[]): void {
    const results = listOf(body['search_results'])
    if (this.#sourced || results.length === 0) return
    this.#sourced = true
    for (const result of results) source(recordOf(result), 0, events)
  }

  end(): readonly StreamEvent[] {
    const events: StreamEvent[] = []
    const open = [...this.#choices].filter(([, choice]) => !choice.finished)
    if (this.#choices.size === 0 || (open.length > 0 && !this.#done)) {
      const what = this.#choices.size === 0 ? 'holds no choices' : 'ended before it was complete'
      throw new InferloomError('provider_invalid_reply', `The provider's answer ${what}. Remedy: try again.`)
    }
    for (const [choiceIndex, choice] of open) finish(choice, choiceIndex, '', undefined, events)
    events.push({ type: 'finish', usage: this.#usage ?? unknownUsage })
    return events
  }

  /** A whole answer is complete by its form. */
  whole(body: unknown): readonly StreamEvent[] {
    const events = this.body(body)
    this.#done = true
    events.push(...this.end())
    return events
  }
}

/** A text, or Mistral's parts of text and thoughts: https://docs.mistral.ai/capabilities/reasoning */
function contentEvents(content: unknown, choiceIndex: number, events: StreamEvent[]): string {
  if (typeof content === 'string') return content
  let text = ''
  for (const part of listOf(content).map(recordOf)) {
    if (part['type'] === 'text') text += textOf(part['text']) ?? ''
    if (part['type'] !== 'thinking') continue
    const thinking = listOf(part['thinking'])
      .map((each) => textOf(recordOf(each)['text']) ?? '')
      .join('')
    if (thinking !== '') events.push({ type: 'reasoning-delta', choiceIndex, text: thinking })
  }
  return text
}

/** https://platform.openai.com/docs/guides/tools-web-search */
function citations(delta: Fields, choiceIndex: number, events: StreamEvent[]): void {
  for (const annotation of listOf(delta['annotations'])) {
    source(recordOf(recordOf(annotation)['url_citation']), choiceIndex, events)
  }
}

function source(given: Fields, choiceIndex: number, events: StreamEvent[]): void {
  const url = textOf(given['url'])
  const title = textOf(given['title'])
  if (url !== undefined) events.push({ type: 'source', choiceIndex, url, ...(title !== undefined && { title }) })
}

function finish(choice: Choice, choiceIndex: number, raw: string, stop: unknown, events: StreamEvent[]): void {
  choice.finished = true
  choice.thoughts.end(events)
  choice.calls.end(events)
  const reason = openaiFinishReason(raw)
  // vLLM says which of the stop strings it was: https://docs.vllm.ai/en/latest/api/vllm/entrypoints/openai/protocol.html
  const stopString = textOf(stop)
  events.push({
    type: 'text-end',
    choiceIndex,
    // Several providers end calls of tools with an ordinary 'stop'.
    finishReason: reason === 'stop' && choice.calls.some ? 'tool-calls' : reason,
    ...(raw !== '' && { rawFinishReason: raw }),
    ...(stopString !== undefined && { stopString }),
  })
}
