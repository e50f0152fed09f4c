// https://platform.openai.com/docs/api-reference/chat/object and …/chat-streaming
import type { InferloomError } from '../../canonical/errors.ts'
import type { StreamEvent, TokenLogprobs } from '../../canonical/events.ts'
import type { AnswerWriter } from '../dialect.ts'
import { collect } from '../collect.ts'
import { errorBody } from '../openai/error-body.ts'
import { usageBody } from '../openai/usage.ts'

interface ChatWriterOptions {
  readonly id: string
  readonly model: string
  readonly logprobs: boolean
  readonly includeUsage: boolean
}

export class ChatWriter implements AnswerWriter {
  readonly #options: ChatWriterOptions
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #begun = new Set<number>()
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
    const { id, model } = this.#options
    return { id: `chatcmpl-${id}`, object, created: this.#created, model }
  }

  chunk(events: readonly StreamEvent[]): string {
    let out = ''
    for (const event of events) {
      switch (event.type) {
        case 'text-delta':
          out += this.#begin(event.choiceIndex)
          out += this.#choice(
            event.choiceIndex,
            `{"content":${JSON.stringify(event.text)}}`,
            logprobsOf(event.logprobs),
            'null',
          )
          break
        case 'text-end':
          out += this.#begin(event.choiceIndex)
          out += this.#choice(event.choiceIndex, '{}', 'null', `"${event.finishReason}"`)
          break
        case 'finish':
          if (this.#options.includeUsage) out += `${this.#head}],"usage":${JSON.stringify(usageBody(event.usage))}}\n\n`
          break
      }
    }
    return out
  }

  #begin(index: number): string {
    if (this.#begun.has(index)) return ''
    this.#begun.add(index)
    return this.#choice(index, '{"role":"assistant","content":"","refusal":null}', 'null', 'null')
  }

  #choice(index: number, delta: string, logprobs: string, finishReason: string): string {
    return `${this.#head}{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finishReason}}${this.#tail}`
  }

  end(): string {
    return 'data: [DONE]\n\n'
  }

  fail(error: InferloomError): string {
    return `data: ${JSON.stringify(errorBody(error))}\n\n`
  }

  whole(events: readonly StreamEvent[]): string {
    const { choices, usage } = collect(events)
    return JSON.stringify({
      ...this.#identity('chat.completion'),
      choices: choices.map(({ text, logprobs, finishReason }, index) => ({
        index,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: this.#options.logprobs ? { content: logprobs.map(tokenBody), refusal: null } : null,
        finish_reason: finishReason,
      })),
      usage: usageBody(usage),
    })
  }
}

function logprobsOf(logprobs: readonly TokenLogprobs[] | undefined): string {
  return logprobs ? JSON.stringify({ content: logprobs.map(tokenBody), refusal: null }) : 'null'
}

function tokenBody({ top, ...token }: TokenLogprobs) {
  return { ...token, top_logprobs: top }
}
