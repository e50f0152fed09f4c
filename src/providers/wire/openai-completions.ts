// https://platform.openai.com/docs/api-reference/completions
import { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent } from '../../canonical/events.ts'
import type { GenerateRequest } from '../../canonical/request.ts'
import type { Usage } from '../../canonical/usage.ts'
import { countOf, isRecord, listOf, recordOf, textOf } from './fields.ts'
import type { ChatOptions } from './openai-chat-options.ts'
import { openaiFinishReason } from './openai-finish-reason.ts'
import { completionLogprobs } from './openai-logprobs.ts'
import { openaiRefusal } from './openai-refusal.ts'
import { openaiRelay } from './openai-relay.ts'
import { openaiSampling } from './openai-sampling.ts'
import { throwReportedError } from './openai-stream-error.ts'
import { openaiUsage, unknownUsage } from './openai-usage.ts'
import { refuseUnsupported, unsupported, type Field } from './unsupported.ts'
import type { GenerateWire, StreamReader, WireEvent } from './wire.ts'

type CompletionOptions = Pick<ChatOptions, 'fields' | 'streamOptions' | 'extraBody' | 'path'>

const usual: readonly Field[] = [
  'prompt',
  'n',
  'stop',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'seed',
  'logprobs',
  'top_logprobs',
]

/** What some providers can say beside that, and what they call it is in their data. */
const beyond: readonly Field[] = ['top_k', 'min_p', 'repeat_penalty', 'repeat_last_n', 'grammar', 'ignore_eos']

const usualPath = () => '/completions'

/** OpenAI's completions of bare prompts, as one provider speaks them. */
export function openaiCompletionsWire(options: CompletionOptions = {}): GenerateWire {
  const names = options.fields ?? {}
  const can = new Set([
    ...usual.filter((field) => names[field] !== null),
    ...beyond.filter((field) => typeof names[field] === 'string'),
  ])
  const path = options.path ?? usualPath
  return {
    name: 'openai-completions',
    framing: 'server-sent-events',
    takes: 'text',
    request(request, { provider, stream }) {
      refuseUnsupported(request, provider, can)
      return { path: path(request.model), body: JSON.stringify(completionBody(request, { provider, stream, options })) }
    },
    whole: (body) => new CompletionReader().whole(body),
    reader: () => new CompletionReader(),
    refusal: openaiRefusal,
    relay: openaiRelay(path, options),
  }
}

interface Target {
  readonly provider: string
  readonly stream: boolean
  readonly options: CompletionOptions
}

function completionBody(request: GenerateRequest, { provider, stream, options }: Target): object {
  const { input, n, stop, maxOutputTokens: max, topLogprobs: top, sampling } = request
  if (input.kind !== 'text') throw unsupported('messages', provider, 'send a prompt')
  const [only] = input.prompts
  return {
    ...options.extraBody,
    model: request.model,
    prompt: input.prompts.length === 1 ? only : input.prompts,
    ...(stream && {
      stream: true,
      ...(options.streamOptions !== false && { stream_options: { include_usage: true } }),
    }),
    ...(n > 1 && { n }),
    ...(max !== undefined && { max_tokens: max }),
    ...(stop.length > 0 && { stop }),
    ...openaiSampling(sampling, options.fields ?? {}),
    ...(top !== undefined && { logprobs: top }),
    ...(request.grammar !== undefined && { [options.fields?.grammar ?? 'grammar']: request.grammar }),
    ...(request.ignoreEnd === true && { [options.fields?.ignore_eos ?? 'ignore_eos']: true }),
  }
}

const mostChoices = 128 * 128

class CompletionReader implements StreamReader {
  /** By index, whether it is finished. */
  readonly #choices = new Map<number, boolean>()
  #identified = false
  #done = false
  #usage: Usage | undefined

  read({ data }: WireEvent): readonly StreamEvent[] {
    if (data === '[DONE]') {
      this.#done = true
      return []
    }
    return data.trim() === '' ? [] : this.#body(JSON.parse(data))
  }

  whole(body: unknown): readonly StreamEvent[] {
    const events = this.#body(body)
    this.#done = true
    return [...events, ...this.end()]
  }

  #body(body: unknown): StreamEvent[] {
    if (!isRecord(body)) throw new InferloomError('provider_invalid_reply', 'The provider sent no JSON object.')
    throwReportedError(body)
    const events: StreamEvent[] = []
    const id = textOf(body['id'])
    if (!this.#identified && id !== undefined) {
      this.#identified = true
      const model = textOf(body['model'])
      events.push({ type: 'response-metadata', id, ...(model !== undefined && { model }) })
    }
    for (const [position, choice] of listOf(body['choices']).entries()) {
      this.#choice(recordOf(choice), position, events)
    }
    this.#usage = openaiUsage(body['usage'], textOf(body['service_tier'])) ?? this.#usage
    return events
  }

  #choice(choice: Readonly<Record<string, unknown>>, position: number, events: StreamEvent[]): void {
    const choiceIndex = countOf(choice['index']) ?? position
    if (!Number.isInteger(choiceIndex) || choiceIndex >= mostChoices)
      throw new InferloomError('provider_invalid_reply', `The answer has a choice with index ${choiceIndex}.`)
    const text = textOf(choice['text']) ?? ''
    const logprobs = completionLogprobs(choice['logprobs'])
    if (text !== '' || logprobs?.length)
      events.push({ type: 'text-delta', choiceIndex, text, ...(logprobs && { logprobs }) })
    const raw = textOf(choice['finish_reason'])
    const finished = this.#choices.get(choiceIndex) ?? false
    this.#choices.set(choiceIndex, finished || raw !== undefined)
    if (raw === undefined || finished) return
    const stopString = textOf(choice['stop_reason'])
    events.push({
      type: 'text-end',
      choiceIndex,
      finishReason: openaiFinishReason(raw),
      rawFinishReason: raw,
      ...(stopString !== undefined && { stopString }),
    })
  }

  end(): readonly StreamEvent[] {
    const open = [...this.#choices].filter(([, finished]) => !finished)
    if (this.#choices.size === 0 || (open.length > 0 && !this.#done)) {
      const what = this.#choices.size === 0 ? 'holds no choices' : 'ended before it was complete'
      throw new InferloomError('provider_invalid_reply', `The provider's answer ${what}. Remedy: try again.`)
    }
    const ends = open.map(([choiceIndex]) => ({ type: 'text-end', choiceIndex, finishReason: 'stop' }) as const)
    return [...ends, { type: 'finish', usage: this.#usage ?? unknownUsage }]
  }
}
