// https://developers.openai.com/api/reference/resources/responses/streaming-events
import { InferloomError } from '../../canonical/errors.ts'
import type { FinishReason, StreamEvent } from '../../canonical/events.ts'
import type { Usage } from '../../canonical/usage.ts'
import { countOf, isRecord, listOf, recordOf, textOf } from './fields.ts'
import { chatLogprobs } from './openai-logprobs.ts'
import { openaiComplaint } from './openai-refusal.ts'
import { wireName } from './openai-responses-input.ts'
import { unknownUsage } from './openai-usage.ts'
import { refusalError } from './refusal.ts'
import type { StreamReader, WireEvent } from './wire.ts'

type Fields = Readonly<Record<string, unknown>>

/** Items of one answer that are kept apart; none comes near it. */
const mostItems = 10_000
const choiceIndex = 0

/** What has been told of one output item. */
interface Item {
  /** Of a call. */
  readonly toolIndex: number | undefined
  /** Whether any of it came in pieces: then the whole of it, which comes at the end, is not told again. */
  told: boolean
}

export class ResponsesReader implements StreamReader {
  readonly #items = new Map<number, Item>()
  #calls = 0
  #messages = 0
  /** Thoughts were told, and nothing has ended them. */
  #thinking = false
  #ended = false
  #usage: Usage | undefined

  read({ data }: WireEvent): readonly StreamEvent[] {
    // Some servers end as OpenAI's chat does.
    if (data === '[DONE]' || data.trim() === '') return []
    const event: unknown = JSON.parse(data)
    if (!isRecord(event)) throw new InferloomError('provider_invalid_reply', 'The provider sent no JSON object.')
    return this.#event(event)
  }

  #event(event: Fields): readonly StreamEvent[] {
    const index = countOf(event['output_index']) ?? 0
    switch (event['type']) {
      case 'response.created':
        return metadata(recordOf(event['response']))
      case 'response.output_item.added':
        return this.#added(recordOf(event['item']), index)
      case 'response.output_item.done':
        return this.#done(recordOf(event['item']), index)
      case 'response.output_text.delta':
        return this.#told(index, said(event['delta'], event['logprobs']))
      case 'response.refusal.delta':
        return this.#told(index, refused(event['delta']))
      case 'response.output_text.annotation.added':
        return cited(event['annotation'])
      case 'response.reasoning_summary_part.added':
        // Parts of a summary are paragraphs.
        return (countOf(event['summary_index']) ?? 0) > 0 ? this.#told(index, thought('\n\n')) : []
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#told(index, thought(event['delta']))
      case 'response.function_call_arguments.delta':
        return this.#told(index, this.#passed(index, event['delta']))
      case 'response.completed':
      case 'response.incomplete':
        return this.#complete(recordOf(event['response']))
      case 'response.failed':
        throw reportedError(recordOf(event['response'])['error'])
      case 'error':
        // Real ones are nested as elsewhere; the documented ones are not.
        throw reportedError(event['error'] ?? event)
      default:
        // What else is told of items comes again when they are complete.
        return []
    }
  }

  #item(index: number): Item | undefined {
    return this.#items.get(index)
  }

  #told(index: number, events: readonly StreamEvent[]): readonly StreamEvent[] {
    const item = this.#item(index)
    if (item && events.length > 0) item.told = true
    if (events.some(({ type }) => type === 'reasoning-delta')) this.#thinking = true
    return events
  }

  #passed(index: number, delta: unknown): readonly StreamEvent[] {
    const toolIndex = this.#item(index)?.toolIndex
    const text = textOf(delta)
    if (toolIndex === undefined || text === undefined) return []
    return [{ type: 'tool-input-delta', choiceIndex, toolIndex, delta: text }]
  }

  #added(item: Fields, index: number): readonly StreamEvent[] {
    if (this.#items.size >= mostItems) {
      throw new InferloomError('provider_invalid_reply', `The answer has more than ${mostItems} items.`)
    }
    const isCall = item['type'] === 'function_call'
    this.#items.set(index, { toolIndex: isCall ? this.#calls++ : undefined, told: false })
    switch (item['type']) {
      case 'function_call':
        return this.#called(item, index)
      case 'reasoning':
        // Thoughts that nothing sealed would run into the next ones.
        return this.#thinking ? thought('\n\n') : []
      case 'message': {
        // What tells two messages of one answer apart has no word that other wires share.
        const phase = textOf(item['phase'])
        const another = this.#messages++ > 0
        if (!another && phase === undefined) return []
        return [{ type: 'raw', choiceIndex, wire: wireName, value: { phase: phase ?? null } }]
      }
      default:
        return []
    }
  }

  #called(item: Fields, index: number): readonly StreamEvent[] {
    const toolIndex = this.#item(index)?.toolIndex ?? 0
    const id = textOf(item['call_id']) ?? textOf(item['id'])
    const toolName = textOf(item['name'])
    if (id === undefined || toolName === undefined) {
      throw new InferloomError('provider_invalid_reply', 'The provider called a tool without its name or an id.')
    }
    return [{ type: 'tool-input-start', choiceIndex, toolIndex, id, toolName }]
  }

  #done(item: Fields, index: number): readonly StreamEvent[] {
    const began = this.#items.has(index) ? [] : this.#added(item, index)
    const told = this.#item(index)?.told === true
    return [...began, ...this.#ends(item, index, told)]
  }

  #ends(item: Fields, index: number, told: boolean): readonly StreamEvent[] {
    switch (item['type']) {
      case 'message':
        return told ? [] : listOf(item['content']).map(recordOf).flatMap(partEvents)
      case 'function_call': {
        const toolIndex = this.#item(index)?.toolIndex ?? 0
        const rest = told ? [] : this.#passed(index, item['arguments'])
        return [...rest, { type: 'tool-input-end', choiceIndex, toolIndex }]
      }
      case 'reasoning': {
        const rest = told ? [] : this.#told(index, thought(thoughtsOf(item)))
        const value = textOf(item['encrypted_content'])
        const id = textOf(item['id'])
        if (value === undefined) return rest
        this.#thinking = false
        const encrypted = { wire: wireName, value }
        return [...rest, { type: 'reasoning-end', choiceIndex, ...(id !== undefined && { id }), encrypted }]
      }
      default:
        return [{ type: 'raw', choiceIndex, wire: wireName, value: { item } }]
    }
  }

  #complete(response: Fields): readonly StreamEvent[] {
    if (isRecord(response['error'])) throw reportedError(response['error'])
    this.#ended = true
    this.#usage = responsesUsage(response)
    const finishReason = finishReasonOf(response)
    const rawFinishReason = textOf(recordOf(response['incomplete_details'])['reason']) ?? textOf(response['status'])
    return [
      {
        type: 'text-end',
        choiceIndex,
        finishReason: finishReason === 'stop' && this.#calls > 0 ? 'tool-calls' : finishReason,
        ...(rawFinishReason !== undefined && { rawFinishReason }),
      },
    ]
  }

  end(): readonly StreamEvent[] {
    if (!this.#ended) {
      const message = "The provider's answer ended before it was complete. Remedy: try again."
      throw new InferloomError('provider_invalid_reply', message)
    }
    return [{ type: 'finish', usage: this.#usage ?? unknownUsage }]
  }

  /** A whole answer is what a stream of it says at its end. */
  whole(body: unknown): readonly StreamEvent[] {
    if (!isRecord(body)) throw new InferloomError('provider_invalid_reply', 'The provider sent no JSON object.')
    if (isRecord(body['error'])) throw reportedError(body['error'])
    const status = body['status']
    if (status !== 'completed' && status !== 'incomplete') {
      throw new InferloomError('provider_invalid_reply', 'The provider sent a response that is not complete.')
    }
    const items = listOf(body['output']).flatMap((item, index) => this.#done(recordOf(item), index))
    return [...metadata(body), ...items, ...this.#complete(body), ...this.end()]
  }
}

function metadata(response: Fields): readonly StreamEvent[] {
  const id = textOf(response['id'])
  const model = textOf(response['model'])
  return [{ type: 'response-metadata', ...(id !== undefined && { id }), ...(model !== undefined && { model }) }]
}

function said(delta: unknown, logprobs: unknown): readonly StreamEvent[] {
  const tokens = listOf(logprobs).length > 0 ? chatLogprobs({ content: logprobs }) : undefined
  const text = textOf(delta) ?? ''
  if (text === '' && !tokens) return []
  return [{ type: 'text-delta', choiceIndex, text, ...(tokens && { logprobs: tokens }) }]
}

function refused(delta: unknown): readonly StreamEvent[] {
  const text = textOf(delta)
  return text === undefined ? [] : [{ type: 'refusal-delta', choiceIndex, text }]
}

function thought(delta: unknown): readonly StreamEvent[] {
  const text = textOf(delta)
  return text === undefined ? [] : [{ type: 'reasoning-delta', choiceIndex, text }]
}

function cited(annotation: unknown): readonly StreamEvent[] {
  const given = recordOf(annotation)
  const url = textOf(given['url'])
  const title = textOf(given['title'])
  return url === undefined ? [] : [{ type: 'source', choiceIndex, url, ...(title !== undefined && { title }) }]
}

function partEvents(part: Fields): readonly StreamEvent[] {
  if (part['type'] === 'refusal') return refused(part['refusal'])
  return [...said(part['text'], part['logprobs']), ...listOf(part['annotations']).flatMap(cited)]
}

function thoughtsOf(item: Fields): string {
  const content = listOf(item['content'])
  const parts = content.length > 0 ? content : listOf(item['summary'])
  return parts.map((part) => textOf(recordOf(part)['text']) ?? '').join('\n\n')
}

function finishReasonOf(response: Fields): FinishReason {
  switch (recordOf(response['incomplete_details'])['reason']) {
    case 'max_output_tokens':
      return 'length'
    case 'content_filter':
      return 'content-filter'
    default:
      return 'stop'
  }
}

export function responsesUsage(response: Fields): Usage | undefined {
  const raw = response['usage']
  if (!isRecord(raw)) return undefined
  const input = recordOf(raw['input_tokens_details'])
  const cacheWrite = countOf(input['cache_write_tokens'])
  const serviceTier = textOf(response['service_tier'])
  return {
    inputTokens: {
      total: countOf(raw['input_tokens']) ?? 0,
      cacheRead: countOf(input['cached_tokens']) ?? 0,
      ...(cacheWrite !== undefined && { cacheWrite }),
    },
    outputTokens: {
      total: countOf(raw['output_tokens']) ?? 0,
      reasoning: countOf(recordOf(raw['output_tokens_details'])['reasoning_tokens']) ?? 0,
    },
    ...(serviceTier !== undefined && { serviceTier }),
    raw,
  }
}

/** An answer that failed after it began has no status of its own, so its code stands for one. */
function reportedError(error: unknown): InferloomError {
  const complaint = openaiComplaint({ error })
  const status = statusOf(complaint.code ?? '')
  return refusalError({ provider: 'The provider', status, headers: {}, body: '' }, complaint)
}

function statusOf(code: string): number {
  if (/rate_limit|quota/.test(code)) return 429
  return code === '' || /server_error|timeout|overloaded|internal/.test(code) ? 500 : 400
}
